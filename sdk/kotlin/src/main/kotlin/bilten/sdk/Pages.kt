package bilten.sdk

import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.flow

/**
 * All items of a list, page by page, as they are asked for:
 * `items({ catalog.listEvents(cursor = it) }, { it.items to it.next }).collect { … }`
 */
fun <P, T> items(page: suspend (cursor: String?) -> P, read: (P) -> Pair<List<T>, String?>): Flow<T> = flow {
    var cursor: String? = null
    do {
        val (items, next) = read(page(cursor))
        items.forEach { emit(it) }
        cursor = next
    } while (cursor != null)
}
