import Foundation
#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

extension BiltenAPIConfiguration {
    /// What the classes of the operations need: `CatalogAPI(apiConfiguration: .of(url, token: key))`.
    ///
    /// - Parameters:
    ///   - baseURL: Where the server is, such as `https://tickets.example`.
    ///   - token: An API key, an access token, or the token of an order.
    ///   - retries: How often a request that was put off (429, 503) is sent again.
    public static func of(_ baseURL: String, token: String? = nil, retries: Int = 3) -> BiltenAPIConfiguration {
        BiltenAPIConfiguration(
            basePath: baseURL.hasSuffix("/") ? String(baseURL.dropLast()) : baseURL,
            apiResponseQueue: .global(),
            interceptor: Patience(token: token, retries: retries)
        )
    }
}

extension ErrorResponse {
    /// The status of the answer; below zero if there was none.
    public var status: Int {
        switch self {
        case let .error(status, _, _, _): status
        }
    }

    /// What the server said when it refused; its `code` is stable.
    public var problem: Problem? {
        switch self {
        case let .error(_, data, _, _): data.flatMap { try? JSONDecoder().decode(Problem.self, from: $0) }
        }
    }
}

/// Signs in, sends POSTs with an `Idempotency-Key`, and sends again what the server has put off: the
/// key stays the same, so that it is done once.
final class Patience: OpenAPIInterceptor {
    /// No wait is longer, whatever the server asks for.
    private static let longest = 60.0

    private let token: String?
    private let retries: Int
    private let attempts = OpenAPIMutex<[ObjectIdentifier: Int]>([:])

    init(token: String?, retries: Int) {
        self.token = token
        self.retries = retries
    }

    func intercept<T>(
        urlRequest: URLRequest, urlSession: URLSessionProtocol, requestBuilder: RequestBuilder<T>,
        completion: @Sendable @escaping (Result<URLRequest, Error>) -> Void
    ) {
        var request = urlRequest
        if let token, requestBuilder.requiresAuthentication {
            request.setValue("Bearer \(token)", forHTTPHeaderField: "Authorization")
        }
        if request.httpMethod == "POST", request.value(forHTTPHeaderField: "Idempotency-Key") == nil {
            let key = UUID().uuidString
            // The builder makes the request of the next attempt, too.
            _ = requestBuilder.addHeader(name: "Idempotency-Key", value: key)
            request.setValue(key, forHTTPHeaderField: "Idempotency-Key")
        }
        completion(.success(request))
    }

    func retry<T>(
        urlRequest: URLRequest, urlSession: URLSessionProtocol, requestBuilder: RequestBuilder<T>, data: Data?,
        response: URLResponse?, error: Error, completion: @Sendable @escaping (OpenAPIInterceptorRetry) -> Void
    ) {
        guard let answer = response as? HTTPURLResponse, [429, 503].contains(answer.statusCode) else {
            return completion(.dontRetry)
        }
        let attempt = attempts.withValue { all in
            let attempt = all[requestBuilder.id, default: 0]
            all[requestBuilder.id] = attempt + 1
            return attempt
        }
        guard attempt < retries else { return completion(.dontRetry) }
        let wait = Self.wait(answer.value(forHTTPHeaderField: "Retry-After"), attempt)
        DispatchQueue.global().asyncAfter(deadline: .now() + wait) { completion(.retry) }
    }

    func didComplete<T>(
        urlRequest: URLRequest, urlSession: URLSessionProtocol, requestBuilder: RequestBuilder<T>, data: Data?,
        response: URLResponse?, result: Result<T, Error>
    ) {
        attempts.withValue { _ = $0.removeValue(forKey: requestBuilder.id) }
    }

    private static func wait(_ retryAfter: String?, _ attempt: Int) -> Double {
        let asked = retryAfter.flatMap { Double($0) ?? until($0) } ?? 0.5 * pow(2, Double(attempt))
        // A little more, so that not all who were put off come back at once.
        return min(max(asked, 0), longest) + Double.random(in: 0..<0.1)
    }

    private static func until(_ date: String) -> Double? {
        let format = DateFormatter()
        format.locale = Locale(identifier: "en_US_POSIX")
        format.dateFormat = "EEE, dd MMM yyyy HH:mm:ss zzz"
        return format.date(from: date)?.timeIntervalSinceNow
    }
}
