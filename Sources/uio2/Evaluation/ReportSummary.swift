import Foundation
import Reporting
import RunAnalysis
import RunDatabase

/// What the page of `uio2 report` shows, as `Envs/uio2_envs/report` reads it: every estimate is made here.
struct ReportSummary: Encodable {
  struct Run: Encodable {
    var name: String
    var description: String
    var database: String
    var means: [Mean]
    var successes: Int
    var finished: Int
    var planned: Int
    var lost: Int
    var abandoned: Int
    /// Groups of which no episode finished: no mean counts them.
    var untriedGroups: [String]
    var tasks: [Task]
    var taskMethod: String
    var latency: [Latency]
    var proprioception: [String]
    var confidence: Confidence?
    var date: String
  }

  struct Mean: Encodable {
    var name: String
    var rate: Double
    var interval: [Double]
    var method: String
    var isGroup: Bool
  }

  struct Task: Encodable {
    var name: String
    var group: String
    var successes: Int
    var episodes: Int
    var rate: Double?
    var interval: [Double]
    var medianStepsToSuccess: Double?
    var medianPathLength: Double?
    var medianJerk: Double?
    var limitedShare: Double?
    var successesAtEnd: Int
  }

  struct Latency: Encodable {
    var name: String
    var median: Double
    var p90: Double
    var p99: Double
  }

  struct Confidence: Encodable {
    var areaUnderCurve: Double?
    var bins: [Bin]
  }

  struct Bin: Encodable {
    var meanScore: Double
    var rate: Double
    var low: Double
    var high: Double
  }

  struct Comparison: Encodable {
    var pairs: Int
    var difference: Double
    var interval: [Double]
    var onlyFirst: Int
    var onlySecond: Int
    var p: Double
    var method: String
  }

  var title: String
  var runs: [Run]
  var comparison: Comparison?
  /// Why two runs are not compared.
  var comparisonNote: String?

  /// - Parameter paths: of the runs, as the user named them.
  init(_ databases: [RunDatabase], paths: [String]) throws {
    runs = []
    let subjects = databases.map(\.configuration.subject)
    for (database, path) in zip(databases, paths) { runs.append(try Run(database, path: path)) }
    for (place, name) in Self.names(subjects, paths).enumerated() { runs[place].name = name }
    let suites = Set(subjects.map(\.suite)).sorted().joined(separator: ", ")
    let policies = Set(subjects.map(\.policy)).sorted()
    title =
      runs.count > 2 && policies.count == 1
      ? "\(policies[0]) on \(suites), \(runs.count) runs"
      : "\(runs.map(\.name).joined(separator: " beside ")) on \(suites)"
    guard databases.count == 2 else { return }
    do throws(RunDatabaseError) {
      comparison = Comparison(try RunComparison(databases[0], databases[1]))
    } catch {
      guard error.code == .mismatch else { throw error }
      comparisonNote = error.message
    }
  }

  /// What the runs are called: by their policies where these differ, else by what else sets them apart.
  private static func names(_ subjects: [RunConfiguration.Subject], _ paths: [String]) -> [String] {
    let policies = subjects.map(\.policy)
    guard Set(policies).count < policies.count else { return policies }
    let delays = subjects.map { subject in
      subject.mode == "realtime"
        ? "\(subject.policy), \(String(format: "%g", subject.addedDelay)) ms added" : subject.policy
    }
    guard Set(delays).count < delays.count else { return delays }
    return zip(policies, paths).map { "\($0) (\($1))" }
  }
}

extension ReportSummary.Run {
  fileprivate init(_ database: RunDatabase, path: String) throws {
    let summary = try RunSummary(database)
    let subject = database.configuration.subject
    self.init(
      name: subject.policy, description: "\(path), suite \(subject.suite), \(subject.modeInWords)",
      database: database.path,
      means: summary.means.map {
        .init(name: $0.name, rate: $0.rate, interval: $0.interval.ends, method: $0.method, isGroup: $0.isGroup)
      },
      successes: summary.tasks.reduce(0) { $0 + $1.outcomes.successes }, finished: summary.finished,
      planned: summary.planned, lost: summary.lost, abandoned: summary.abandoned, untriedGroups: summary.untriedGroups,
      tasks: summary.tasks.map(ReportSummary.Task.init), taskMethod: RunSummary.taskMethod,
      latency: summary.latencies.map { .init(name: $0.name, median: $0.median, p90: $0.p90, p99: $0.p99) },
      proprioception: try database.proprioception(), confidence: summary.confidence.map(ReportSummary.Confidence.init),
      date: try database.date().formatted(.iso8601.year().month().day()))
  }
}

extension ReportSummary.Task {
  fileprivate init(_ task: RunSummary.Task) {
    self.init(
      name: task.name, group: task.group, successes: task.outcomes.successes, episodes: task.outcomes.trials,
      rate: task.outcomes.rate, interval: task.interval.ends, medianStepsToSuccess: task.medianStepsToSuccess,
      medianPathLength: task.medianPathLength, medianJerk: task.medianJerk, limitedShare: task.limitedShare,
      successesAtEnd: task.successesAtEnd)
  }
}

extension ReportSummary.Confidence {
  fileprivate init(_ confidence: RunSummary.Confidence) {
    self.init(
      areaUnderCurve: confidence.areaUnderCurve,
      bins: confidence.bins.map { bin in
        let interval = bin.outcomes.clopperPearsonInterval()
        return .init(
          meanScore: bin.meanScore, rate: bin.outcomes.rate ?? 0, low: interval.lowerBound, high: interval.upperBound)
      })
  }
}

extension ReportSummary.Comparison {
  fileprivate init(_ comparison: RunComparison) {
    let pairs = comparison.overall
    self.init(
      pairs: pairs.count, difference: pairs.difference ?? 0, interval: pairs.tangoInterval().ends,
      onlyFirst: pairs.onlyFirst, onlySecond: pairs.onlySecond, p: pairs.mcNemarP, method: RunComparison.method)
  }
}

extension ClosedRange<Double> {
  fileprivate var ends: [Double] { [lowerBound, upperBound] }
}

extension RunConfiguration.Subject {
  /// How the world waited, in words.
  fileprivate var modeInWords: String {
    guard mode == "realtime" else { return mode + (loop.map { ", \($0) loop" } ?? "") }
    let delay = addedDelay > 0 ? ", answers held back for \(addedDelay) ms" : ""
    return mode + delay + (deadline.map { ", answers valid for \($0) ms" } ?? "")
  }
}
