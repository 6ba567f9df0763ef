import Foundation

/// The request is not one that the holder of the secret has signed just now.
public enum WebhookRefused: Error, Sendable {
    /// It is too old, from the future, or says no time.
    case notOfNow
    /// No signature is by the secret.
    case notSigned
}

/// Verifies a message (Standard Webhooks).
///
/// - Parameters:
///   - secret: The endpoint's secret, `whsec_…`.
///   - header: Gives the value of a header by its name.
///   - body: The bytes as they came, not parsed and written again.
///   - tolerance: How many seconds the sender's clock and yours may be apart.
///   - now: The time now.
/// - Throws: ``WebhookRefused``
public func verifyWebhook(
    secret: String, header: (_ name: String) -> String?, body: Data, tolerance: TimeInterval = 300, now: Date = Date()
) throws {
    let timestamp = header("webhook-timestamp") ?? ""
    guard let seconds = UInt64(timestamp), timestamp.utf8.count <= 12,
        abs(now.timeIntervalSince1970 - Double(seconds)) <= tolerance
    else { throw WebhookRefused.notOfNow }
    let text = secret.hasPrefix("whsec_") ? String(secret.dropFirst(6)) : secret
    guard let key = Data(base64Encoded: text) else { throw WebhookRefused.notSigned }
    let signed = Array("\(header("webhook-id") ?? "").\(timestamp).".utf8) + body
    let expected = hmacSha256(key: Array(key), message: signed)
    // During a rotation there is a signature by each secret.
    for signature in (header("webhook-signature") ?? "").split(separator: " ") where signature.hasPrefix("v1,") {
        guard let given = Data(base64Encoded: String(signature.dropFirst(3))) else { continue }
        if isSame(Array(given), expected) { return }
    }
    throw WebhookRefused.notSigned
}

/// In a time that does not tell how much is the same.
private func isSame(_ one: [UInt8], _ other: [UInt8]) -> Bool {
    one.count == other.count && zip(one, other).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
}
