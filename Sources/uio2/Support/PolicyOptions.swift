import ArgumentParser
import Foundation
import RobotInterface

/// Who answers the robots of a command that runs episodes.
struct PolicyOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The policy to serve (default: \(Locations.shippedPolicy)), or `expert` for the simulator's own.",
      valueName: "folder"),
    completion: .directory)
  var policy: String?

  @Option(help: ArgumentHelp("A daemon that runs already; without it the policy is served here.", valueName: "address"))
  var daemon: String?

  @OptionGroup var keys: KeyOptions
  @OptionGroup var record: RecordOption
  @OptionGroup var compute: ComputeOptions
  @OptionGroup var logging: LoggingOptions

  /// Refuses options about the daemon of this process where there is none.
  func validate() throws {
    if daemon != nil, policy != nil {
      throw ValidationError("--policy is served from this process and --daemon from another; name one of them")
    }
    _ = try address
    if keys.key != nil, daemon == nil { throw ValidationError("--key goes with --daemon.") }
    if record.file != nil, daemon != nil || policy == Self.expert {
      throw ValidationError(
        "--record is about the policy that this process serves; a daemon elsewhere records with uio2 serve --record, and an expert is asked nothing."
      )
    }
    guard compute.isGiven || logging.logLevel != nil else { return }
    let subject =
      "--weights, --activations, --threads and --log-level are about the policy that this process serves; leave them out with"
    if daemon != nil { throw ValidationError("\(subject) --daemon.") }
    if policy == Self.expert { throw ValidationError("\(subject) --policy expert.") }
  }

  /// The name of the simulator's own policy.
  static let expert = "expert"

  /// The folder of the policy that is served from this process.
  var inputs: [String] {
    guard daemon == nil, policy != Self.expert else { return [] }
    return (try? [Locations.policy(policy ?? Locations.shippedPolicy).path]) ?? []
  }

  /// The daemon that was named.
  var address: Endpoint? {
    get throws { try daemon.map { try Endpoint($0, for: .connect, option: "--daemon") } }
  }
}
