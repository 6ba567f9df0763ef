package bilten.sdk

import java.time.Duration
import java.time.Instant
import java.time.ZonedDateTime
import java.time.format.DateTimeFormatter
import java.time.format.DateTimeParseException
import java.util.UUID
import kotlin.random.Random
import okhttp3.Interceptor
import okhttp3.Response

/**
 * Sends POSTs with an `Idempotency-Key`, and sends again what the server has put off: the key stays
 * the same, so that it is done once.
 */
internal class Patience(private val retries: Int) : Interceptor {
    override fun intercept(chain: Interceptor.Chain): Response {
        var request = chain.request()
        if (request.method == "POST" && request.header("Idempotency-Key") == null) {
            request = request.newBuilder().header("Idempotency-Key", UUID.randomUUID().toString()).build()
        }
        var attempt = 0
        while (true) {
            val response = chain.proceed(request)
            if ((response.code != 429 && response.code != 503) || attempt >= retries) return response
            response.close()
            // OkHttp runs calls on threads of its own.
            Thread.sleep(wait(response.header("Retry-After"), attempt))
            attempt++
        }
    }

    private fun wait(retryAfter: String?, attempt: Int): Long {
        val asked = retryAfter?.toLongOrNull()?.times(1_000) ?: retryAfter?.let(::until) ?: (500L shl attempt)
        // A little more, so that not all who were put off come back at once.
        return asked.coerceIn(0, LONGEST_MS) + Random.nextLong(100)
    }

    private fun until(date: String): Long? = try {
        Duration.between(Instant.now(), ZonedDateTime.parse(date, DateTimeFormatter.RFC_1123_DATE_TIME)).toMillis()
    } catch (_: DateTimeParseException) {
        null
    }

    private companion object {
        /** No wait is longer, whatever the server asks for. */
        const val LONGEST_MS = 60_000L
    }
}
