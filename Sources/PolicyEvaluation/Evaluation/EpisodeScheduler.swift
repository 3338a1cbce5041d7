/// Decides which worker runs which episode next, and how often a lost episode is tried again. A value without threads or clocks.
///
/// A worker stays with its task while the task has episodes, since a simulator builds a scene for each task. A worker that has to change
/// takes the task on which the fewest workers are at work and, among those, the one with the most episodes left. Outcomes do not depend on
/// any of this: an episode follows from its task and seed.
struct EpisodeScheduler: Sendable {
  /// One attempt at an episode.
  struct Attempt: Sendable, Hashable {
    /// The place of the episode in the plan.
    var id: Int
    /// From 1.
    var number: Int
  }

  /// What becomes of an episode whose attempt was lost.
  enum Loss: Sendable, Hashable {
    /// It is tried again later.
    case retried
    /// It was lost as often as allowed.
    case abandoned
  }

  private let tasks: [String]
  /// The attempts that an episode may have; one that was lost as often as allowed before may have as many again.
  private let allowed: [Int: Int]
  private let maximumAttempts: Int
  /// Places of the episodes that wait, by task, in the order of the plan.
  private var waiting: [String: [Int]] = [:]
  private var lost: [Int: Int]
  private var running: [Int: Attempt] = [:]

  /// - Parameters:
  ///   - tasks: the task of each episode of the plan.
  ///   - lostAttempts: by place in the plan, for a run that goes on; ``settled`` episodes are left out.
  ///   - settled: places of the episodes that have an outcome.
  ///   - maximumAttempts: at least 1.
  init(tasks: [String], lostAttempts: [Int: Int] = [:], settled: Set<Int> = [], maximumAttempts: Int = 3) {
    self.tasks = tasks
    self.maximumAttempts = max(1, maximumAttempts)
    lost = lostAttempts
    let again = max(1, maximumAttempts)
    allowed = lostAttempts.filter { $0.value >= again }.mapValues { $0 + again }
    for (place, task) in tasks.enumerated() where !settled.contains(place) { waiting[task, default: []].append(place) }
  }

  /// The next attempt for a worker.
  ///
  /// - Parameters:
  ///   - worker: the worker, which runs nothing now.
  ///   - task: the task whose scene it has; `nil`: none.
  /// - Returns: `nil` when nothing waits; an episode that runs elsewhere may still be lost and wait again.
  mutating func next(for worker: Int, after task: String?) -> Attempt? {
    guard let task = choose(after: task), let place = waiting[task]?.first else { return nil }
    waiting[task]?.removeFirst()
    if waiting[task]?.isEmpty == true { waiting[task] = nil }
    let attempt = Attempt(id: place, number: (lost[place] ?? 0) + 1)
    running[worker] = attempt
    return attempt
  }

  /// The attempt that a worker runs.
  func attempt(of worker: Int) -> Attempt? { running[worker] }

  /// Notes that a worker's episode has an outcome.
  mutating func finish(_ worker: Int) { running[worker] = nil }

  /// Notes that a worker lost its episode.
  ///
  /// - Returns: what becomes of it; `nil` when the worker ran nothing.
  mutating func lose(_ worker: Int) -> Loss? {
    guard let attempt = running.removeValue(forKey: worker) else { return nil }
    lost[attempt.id] = attempt.number
    guard attempt.number < allowed[attempt.id] ?? maximumAttempts else { return .abandoned }
    // In front: its seeds' neighbours may still be under way on the same scene.
    waiting[tasks[attempt.id], default: []].insert(attempt.id, at: 0)
    return .retried
  }

  private func choose(after task: String?) -> String? {
    if let task, waiting[task] != nil { return task }
    var busy: [String: Int] = [:]
    for attempt in running.values { busy[tasks[attempt.id], default: 0] += 1 }
    return waiting.min { one, other in
      let (first, second) = (busy[one.key] ?? 0, busy[other.key] ?? 0)
      if first != second { return first < second }
      if one.value.count != other.value.count { return one.value.count > other.value.count }
      return (one.value.first ?? 0) < (other.value.first ?? 0)
    }?.key
  }
}
