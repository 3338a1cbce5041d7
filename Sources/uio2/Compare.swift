import ArgumentParser
import Foundation
import LogOutput
import Reporting
import RunAnalysis

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
    let comparison = try RunComparison(RunFolder.open(runs[0]), RunFolder.open(runs[1]))
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

  private func row(_ name: String, _ pairs: PairedComparison) -> [String] {
    let interval = pairs.tangoInterval()
    return [
      PrintableText.line(name), "\(pairs.count)", "\(pairs.both)", "\(pairs.onlyFirst)", "\(pairs.onlySecond)",
      pairs.difference.map(points) ?? "–", "\(points(interval.lowerBound)) – \(points(interval.upperBound))",
      String(format: "%.3g", pairs.mcNemarP),
    ]
  }

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
      throw CommandFailure(
        .usage, "--discordant: a share of \(share) is too small for rates that differ by \(abs(second - first))")
    }
    try Console.say(
      """
      To tell \(percent(first)) from \(percent(second)) at the 5 % level with a power of about 80 %:
        on different episodes  \(apart) episodes for each policy
        on the same episodes   \(paired) episodes, when \(percent(share)) of them are solved by exactly one of the two
      Normal approximation: with the exact tests the power is some points lower, and never is the number too small for them to find anything.
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
