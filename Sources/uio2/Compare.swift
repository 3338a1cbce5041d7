import ArgumentParser
import Foundation
import LogOutput
import Reporting
import RunAnalysis
import RunDatabase

/// `uio2 compare`: two runs on the same episodes, or how many episodes a comparison takes.
struct Compare: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Compare two runs on the episodes that both have.",
    discussion: """
      Episodes are paired by task and seed. The difference is that of the second run to the first, with Tango's score interval and \
      McNemar's exact test.

        uio2 compare runs/old runs/new
        uio2 compare --power 0.87,0.90
      """)

  @Argument(help: "Two folders or databases of runs of the same suite.", completion: .directory)
  var runs: [String] = []

  @Option(
    help: ArgumentHelp("Say how many episodes it takes to tell these two success rates apart.", valueName: "rate,rate"))
  var power: String?

  @Option(
    help: ArgumentHelp(
      "With --power, the share of episodes that exactly one of the two solves (default: that of independent outcomes).",
      valueName: "share"))
  var discordant: Double?

  func validate() throws {
    if power != nil, !runs.isEmpty { throw ValidationError("--power needs no runs.") }
    guard power != nil || runs.count == 2 else { throw ValidationError("Name two runs, or give --power.") }
    if discordant != nil, power == nil { throw ValidationError("--discordant goes with --power.") }
    if let discordant, !(0...1).contains(discordant) { throw ValidationError("--discordant must be 0 to 1.") }
    _ = try rates
  }

  func run() throws {
    if let rates = try rates { return try showPower(rates) }
    let (first, second) = (try RunFolder.open(runs[0]), try RunFolder.open(runs[1]))
    let comparison = try RunComparison(first, second)
    let subjects = [try description(first, "first"), try description(second, "second")]
    try Console.say((subjects + differences(first, second)).joined(separator: "\n") + "\n")
    var table = TextTable(
      header: ["task", "pairs", "both", "only first", "only second", "difference", "95 % interval", "p"],
      alignment: [.left, .right, .right, .right, .right, .right, .left, .right])
    for task in comparison.tasks { table.append(row(task.name, task.pairs)) }
    table.appendRule()
    table.append(row("all", comparison.overall))
    try Console.say(table.text)
    if comparison.unpaired > 0 { try Console.say("\(comparison.unpaired) episodes are in one of the runs only") }
    try Console.say("Difference: second run less the first; \(RunComparison.method); p of McNemar's exact test.")
  }

  /// What a run is of, on a line.
  private func description(_ run: RunDatabase, _ place: String) throws -> String {
    let subject = run.configuration.subject
    let digest = subject.policyDigest.isEmpty ? "" : " (\(subject.policyDigest.prefix(12)))"
    var facts = [subject.policy + digest, subject.mode]
    if subject.addedDelay > 0 { facts[1] += " with \(TextTable.number(subject.addedDelay)) ms added" }
    if !subject.weights.isEmpty { facts.append("\(subject.weights) weights") }
    if let activations = subject.activations { facts.append("\(activations) activations") }
    facts.append("begun \(RunTable.date(try run.date()))")
    return PrintableText.line("\(TextTable.pad(place, to: 6))  \(facts.joined(separator: ", "))")
  }

  /// A line for each thing but the outcomes in which the runs differ.
  private func differences(_ first: RunDatabase, _ second: RunDatabase) -> [String] {
    let (one, other) = (first.configuration, second.configuration)
    var lines = one.subject.differences(from: other.subject).map { "differs  \($0.name): \($0.one), \($0.other)" }
    let programs = Set(one.versions.keys).union(other.versions.keys).sorted()
    for program in programs where one.versions[program] != other.versions[program] {
      lines.append("differs  \(program): \(one.versions[program] ?? "none"), \(other.versions[program] ?? "none")")
    }
    if one.machine != other.machine { lines.append("differs  machine: \(one.machine), \(other.machine)") }
    return lines.map { PrintableText.line($0) }
  }

  private func row(_ name: String, _ pairs: PairedComparison) -> [String] {
    let interval = pairs.tangoInterval()
    return [
      PrintableText.line(name), "\(pairs.count)", "\(pairs.both)", "\(pairs.onlyFirst)", "\(pairs.onlySecond)",
      pairs.difference.map(points) ?? "–", "\(points(interval.lowerBound)) – \(points(interval.upperBound))",
      String(format: "%.3g", pairs.mcNemarP),
    ]
  }

  private func number(_ share: Double) -> String { String(format: "%.6g", share) }

  private func points(_ share: Double) -> String { String(format: "%+.1f", 100 * share) }

  private func showPower(_ rates: (Double, Double)) throws {
    let (first, second) = rates
    func percent(_ rate: Double) -> String {
      let rounded = (rate * 1000).rounded() / 1000
      return abs(rate - rounded) < 1e-12 ? RateText.percent(rate) : String(format: "%.6g %%", 100 * rate)
    }
    let share = discordant ?? first * (1 - second) + second * (1 - first)
    guard let apart = SampleSize.independent(first, second),
      let paired = SampleSize.paired(first, second, discordant: share)
    else {
      let bounds = [abs(second - first), SampleSize.largestDiscordance(first, second)].map(number)
      throw CommandFailure(
        .usage,
        "--discordant: expected \(bounds.joined(separator: " to ")), which these rates leave room for, found \(number(share))"
      )
    }
    func exact(_ power: Double?) -> String { power.map { "; power of the exact test: \(RateText.percent($0))" } ?? "" }
    let together = exact(SampleSize.exactPower(first, second, pairs: paired, discordant: share))
    try Console.say(
      """
      To tell \(percent(first)) from \(percent(second)) at the 5 % level with a power of about 80 %:
        on different episodes  \(apart) episodes for each policy\(exact(SampleSize.exactPower(first, second, episodes: apart)))
        on the same episodes   \(paired) episodes, when \(percent(share)) of them are solved by exactly one of the two\(together)
      Normal approximation, and never so few that the exact tests of Fisher and McNemar could find nothing.
      """)
  }

  /// Less takes more episodes than anybody runs.
  private static let smallestDifference = 0.999e-6

  private var rates: (Double, Double)? {
    get throws {
      guard let power else { return nil }
      let numbers = power.split(separator: ",", omittingEmptySubsequences: false).map { Double($0) }
      guard numbers.count == 2, let first = numbers[0], let second = numbers[1], (0...1).contains(first),
        (0...1).contains(second), abs(first - second) >= Self.smallestDifference
      else {
        throw ValidationError(
          "--power: expected two rates from 0 to 1 that differ by 0.000001 or more, as in 0.87,0.90, found \(power).")
      }
      return (first, second)
    }
  }
}
