/// Keys in the order of their last use. Every operation takes constant time.
struct RecencyList<Key: Hashable & Sendable>: Sendable {
  private struct Neighbours {
    var older: Key?
    var newer: Key?
  }

  private var neighbours: [Key: Neighbours] = [:]
  private var newest: Key?

  /// The key that was not used for longest.
  private(set) var oldest: Key?

  /// Keys in the list.
  var count: Int { neighbours.count }

  /// Makes `key` the newest, whether or not it was there.
  mutating func use(_ key: Key) {
    guard key != newest else { return }
    remove(key)
    neighbours[key] = Neighbours(older: newest)
    if let newest { neighbours[newest]?.newer = key }
    newest = key
    oldest = oldest ?? key
  }

  mutating func remove(_ key: Key) {
    guard let (older, newer) = neighbours.removeValue(forKey: key).map({ ($0.older, $0.newer) }) else { return }
    if let older { neighbours[older]?.newer = newer } else { oldest = newer }
    if let newer { neighbours[newer]?.older = older } else { newest = older }
  }

  /// Removes the oldest key and returns it.
  mutating func removeOldest() -> Key? {
    guard let key = oldest else { return nil }
    remove(key)
    return key
  }
}
