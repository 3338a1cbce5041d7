import ArgumentParser
import Foundation
import MCAP
import Recording
import RecordingReplay
import RobotPolicy
import Tensors
import UnifiedIO

/// `uio2 replay`: plays a recording through a policy and compares.
struct ReplayCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay",
    abstract: "Play a recording's observations through a policy, and compare its commands with the recording.",
    discussion: """
      Every observation that the policy answered is answered again, in the same order and by the daemon's own rules: history, limits, what \
      the robot may still execute. Tokens and commands are compared with the recording, and the first difference is shown with its frame. \
      The exit code is 0 when all are the same, and 1 otherwise.

        uio2 rollout --env metaworld:push-v3 --episodes 2 --record push.mcap
        uio2 replay push.mcap
        uio2 replay push.mcap --policy mine

      Without --policy the shipped policy has to be the recorded one. Matrices are kept as they were when it was recorded, unless --weights \
      says otherwise. A recording that was cut off is played up to the cut.
      """)

  @Argument(help: "The recording.", completion: .file(extensions: ["mcap"]))
  var file: String

  @Option(
    help: ArgumentHelp("The policy's folder (default: \(Locations.shippedPolicy)).", valueName: "folder"),
    completion: .directory)
  var policy: String?

  @Flag(help: "Print JSON.")
  var json = false

  @OptionGroup var compute: ComputeOptions

  func run() throws {
    let replay = try Replay(file)
    guard replay.observations > 0 else {
      throw CommandFailure(.badData, "\(file): holds no observation that a policy has answered")
    }
    compute.apply()
    let bundle = try PolicyBundle.load(from: Locations.policy(policy ?? Locations.shippedPolicy))
    let facts = replay.facts
    if let facts, facts.policyDigest != bundle.digest {
      guard policy != nil else {
        throw CommandFailure(
          .badData,
          "\(file): was recorded with “\(facts.policyName)”, digest \(facts.policyDigest.prefix(12))…, which is not the shipped policy; name its folder with --policy"
        )
      }
      Console.complain("uio2: this is another policy than the recorded one, “\(facts.policyName)”")
    }
    var weights = compute.options
    if compute.weights == nil {
      weights.format = facts.flatMap { WeightFormat(rawValue: $0.weights) }
      if compute.activations == nil {
        weights.activations = facts.flatMap { ActivationFormat(rawValue: $0.activations) }
      }
    }
    let brain = try UnifiedIOPolicy(bundle: bundle, weights: weights, serverVersion: UIO2.version)
    let report = try replay.run(through: brain)
    try Console.say(json ? JSONFile.text(report) : Self.text(report))
    tell(report, facts)
    if report.different > 0 { throw ExitCode.failed }
  }

  private static func text(_ report: ReplayReport) -> String {
    let observations = amount(report.observations, "observation")
    let places = "\(amount(report.episodes, "episode")) of \(amount(report.sessions, "session"))"
    guard let first = report.first else {
      return "\(observations) in \(places): tokens and commands are those of the recording"
    }
    return """
      \(report.different) of \(observations) in \(places) got another answer. The first one:

      frame     \(first.frame) of session “\(first.session)”: episode \(first.episode), sequence \(first.sequence), after \
      \(String(format: "%.3f", first.seconds)) s
      differs   \(first.field)
      recorded  \(first.recorded)
      replayed  \(first.replayed)
      """
  }

  /// What may explain a difference, and what was not there to be compared.
  private func tell(_ report: ReplayReport, _ facts: RecordingFacts?) {
    if let place = report.cutAt {
      Console.complain("uio2: \(file): was cut off at byte \(place); what comes before was replayed")
    }
    if let place = report.endedAt {
      Console.complain(
        "uio2: \(file): ends at byte \(place); what follows is no part of the recording and was left out: something was appended to the file"
      )
    }
    if report.lost > 0 {
      Console.complain(
        "uio2: \(file): \(Self.amount(report.lost, "message")) are missing in it; answers after them may differ for that reason"
      )
    }
    guard report.different > 0, let facts, !facts.kernels.isEmpty, facts.kernels != ComputeThreads.kernels else {
      return
    }
    Console.complain(
      "uio2: \(file): was recorded with \(facts.kernels) kernels and replayed with \(ComputeThreads.kernels); UIO2_KERNELS chooses"
    )
  }

  private static func amount(_ count: Int, _ word: String) -> String { "\(count) \(word)\(count == 1 ? "" : "s")" }
}
