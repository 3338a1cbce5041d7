/// How many lines of one kind a log takes: a number at once, then some a second.
///
/// A kind is the text of a message, which is the same for all events of a sort; what differs stands in the metadata.
struct LineRate {
  /// Lines of a kind that may come at once: a whole fleet may open its sessions at the same moment.
  static let burst = 100.0
  /// Lines of a kind in each second after that.
  static let perSecond = 10.0
  /// Kinds that are told apart; all others share one count.
  static let maximumKinds = 64

  private struct Kind {
    var left = LineRate.burst
    var last: ContinuousClock.Instant
    var omitted = 0
  }

  private var kinds: [String: Kind] = [:]

  /// Whether a line of `kind` may be written at `now`, and how many were left out since the last that was.
  mutating func admit(_ kind: String, at now: ContinuousClock.Instant) -> (isAdmitted: Bool, omitted: Int) {
    let name = kinds[kind] == nil && kinds.count >= Self.maximumKinds ? "" : kind
    var entry = kinds[name] ?? Kind(last: now)
    let elapsed = max(.zero, now - entry.last) / .seconds(1)
    entry.left = min(Self.burst, entry.left + elapsed * Self.perSecond)
    entry.last = now
    defer { kinds[name] = entry }
    guard entry.left >= 1 else {
      entry.omitted += 1
      return (false, 0)
    }
    entry.left -= 1
    defer { entry.omitted = 0 }
    return (true, entry.omitted)
  }

  /// Kinds of which lines were left out and that have been quiet for a second, with their numbers; each is told once.
  mutating func takeOmitted(at now: ContinuousClock.Instant) -> [(kind: String, count: Int)] {
    var result: [(kind: String, count: Int)] = []
    for (name, entry) in kinds where entry.omitted > 0 && now - entry.last >= .seconds(1) {
      result.append((name, entry.omitted))
      kinds[name]?.omitted = 0
    }
    return result.sorted { $0.kind < $1.kind }
  }
}
