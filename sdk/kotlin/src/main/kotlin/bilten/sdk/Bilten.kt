package bilten.sdk

import bilten.sdk.infrastructure.Serializer
import bilten.sdk.models.Problem
import kotlinx.serialization.ExperimentalSerializationApi
import kotlinx.serialization.SerializationException
import kotlinx.serialization.json.Json
import okhttp3.Interceptor
import okhttp3.MediaType.Companion.toMediaType
import okhttp3.OkHttpClient
import retrofit2.HttpException
import retrofit2.Retrofit
import retrofit2.converter.kotlinx.serialization.asConverterFactory
import retrofit2.converter.scalars.ScalarsConverterFactory

/**
 * A client of the server at [baseUrl]: `Bilten(url, key).api<CatalogApi>().listEvents()`.
 *
 * @param token an API key, an access token, or the token of an order
 * @param retries how often a request that was put off (429, 503) is sent again
 * @param http what sends requests; its connections are shared with others that are made of it
 */
class Bilten(
    baseUrl: String,
    private val token: String? = null,
    retries: Int = 3,
    http: OkHttpClient = OkHttpClient(),
) {
    private val retrofit = Retrofit.Builder()
        .baseUrl(baseUrl.trimEnd('/') + "/")
        .client(http.newBuilder().addInterceptor(signIn()).addInterceptor(Patience(retries)).build())
        .addConverterFactory(ScalarsConverterFactory.create())
        .addConverterFactory(json.asConverterFactory("application/json".toMediaType()))
        .build()

    /** The operations of one area, such as [bilten.sdk.apis.ShopApi]. */
    inline fun <reified T> api(): T = api(T::class.java)

    /** The operations of one area. */
    fun <T> api(kind: Class<T>): T = retrofit.create(kind)

    private fun signIn() = Interceptor { chain ->
        val request = chain.request()
        if (token == null || request.header("Authorization") != null) return@Interceptor chain.proceed(request)
        chain.proceed(request.newBuilder().header("Authorization", "Bearer $token").build())
    }

    internal companion object {
        // What is not said is left out: the server tells null from absent.
        @OptIn(ExperimentalSerializationApi::class)
        val json = Json {
            serializersModule = Serializer.kotlinxSerializationAdapters
            ignoreUnknownKeys = true
            explicitNulls = false
        }
    }
}

/** What the server said when it refused; its `code` is stable. Can be read once. */
fun HttpException.problem(): Problem? = try {
    response()?.errorBody()?.string()?.let { Bilten.json.decodeFromString(Problem.serializer(), it) }
} catch (_: SerializationException) {
    null
}
