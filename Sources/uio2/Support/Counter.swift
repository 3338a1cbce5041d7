import Synchronization

/// Counts signals, on whichever thread they come.
final class Counter: Sendable {
  private let count = Atomic(0)

  /// One more than the last time; 1 the first time.
  func next() -> Int { count.add(1, ordering: .relaxed).newValue }
}
