package bilten.sdk

import java.security.MessageDigest
import java.time.Duration
import java.time.Instant
import java.util.Base64
import javax.crypto.Mac
import javax.crypto.spec.SecretKeySpec
import kotlin.math.abs

/** The request is not one that the holder of the secret has signed just now. */
class WebhookRefused(message: String) : Exception(message)

/**
 * Verifies a message (Standard Webhooks). [body] must be the bytes as they came, not parsed and
 * written again; [header] gives the value of a header by its name.
 *
 * @throws WebhookRefused if it is not signed by the secret, or further than [tolerance] away
 */
fun verifyWebhook(
    secret: String,
    header: (name: String) -> String?,
    body: ByteArray,
    tolerance: Duration = Duration.ofMinutes(5),
    now: Instant = Instant.now(),
) {
    val timestamp = header("webhook-timestamp").orEmpty()
    val isNow = TIMESTAMP.matches(timestamp) && abs(now.epochSecond - timestamp.toLong()) <= tolerance.seconds
    if (!isNow) throw WebhookRefused("The message is not of now.")
    val mac = Mac.getInstance("HmacSHA256")
    mac.init(SecretKeySpec(Base64.getDecoder().decode(secret.removePrefix("whsec_")), "HmacSHA256"))
    mac.update("${header("webhook-id").orEmpty()}.$timestamp.".toByteArray())
    val expected = mac.doFinal(body)
    // During a rotation there is a signature by each secret.
    val isSigned = header("webhook-signature").orEmpty().split(" ").any { signature ->
        val given = signature.takeIf { it.startsWith("v1,") }?.drop(3)?.let(::decoded)
        given != null && MessageDigest.isEqual(given, expected)
    }
    if (!isSigned) throw WebhookRefused("No signature is by this secret.")
}

private val TIMESTAMP = Regex("[0-9]{1,12}")

private fun decoded(base64: String): ByteArray? = try {
    Base64.getDecoder().decode(base64)
} catch (_: IllegalArgumentException) {
    null
}
