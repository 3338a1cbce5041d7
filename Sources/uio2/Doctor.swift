import AccessKeys
import ArgumentParser
import Diagnosis
import Foundation
import RobotInterface
import RobotLink
import RobotPolicy
import UnifiedIO

/// `uio2 doctor`: whether this machine, a policy and a daemon can fly a robot.
struct Doctor: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Look whether this machine, a policy and a daemon can fly a robot, and say what to do.",
    discussion: """
      Each line is ok, warn or fail, and says what to do. The machine is always looked at: kernels and ceilings, real-time permissions, \
      clocks, memory, descriptors, disks. With --policy also what it asks of a robot, and how long it takes here from pictures to commands. \
      With --daemon whether it serves that policy, and the round trip. A daemon tells nobody of others' cameras; a recording does: rate, \
      age, frozen or missing pictures, and the robot's state against the policy's ranges. It may still be growing.

        uio2 doctor
        uio2 doctor --policy Policies/metaworld-mt5 --daemon tcp://127.0.0.1:5555
        uio2 doctor --policy mine --recording day.mcap

      The exit code is 0 when no line fails, and 1 otherwise; warnings change nothing. Nothing is sent that could move a robot.
      """)

  @Option(help: ArgumentHelp("A policy's folder.", valueName: "folder"), completion: .directory)
  var policy: String?

  @Option(help: ArgumentHelp("Where a daemon listens: tcp://HOST:PORT or ipc://PATH.", valueName: "address"))
  var daemon: String?

  @OptionGroup var keys: KeyOptions

  @Option(
    help: ArgumentHelp("A recording of robots (--record).", valueName: "file"), completion: .file(extensions: ["mcap"]))
  var recording: String?

  @Flag(help: "Print JSON.")
  var json = false

  @OptionGroup var compute: ComputeOptions

  func validate() throws {
    if policy == nil, compute.weights != nil || compute.activations != nil {
      throw ValidationError("--weights and --activations are about a policy; add --policy.")
    }
    if keys.key != nil, daemon == nil { throw ValidationError("--key goes with --daemon.") }
    if let daemon { _ = try Endpoint(daemon, for: .connect, option: "--daemon") }
  }

  func run() throws {
    let key = try keys.load()
    compute.apply()
    let folder = try policy.map { try Locations.policy($0) }
    let log = try recording.map { try CameraLog($0) }
    let weights = folder.flatMap(Self.weightBytes)
    let places = [FileManager.default.currentDirectoryPath, FileManager.default.temporaryDirectory.path]
    let machine = MachineFacts.measured(folders: places)
    var report = DiagnosisReport(MachineChecks.findings(machine, weightBytes: weights))
    let isFull = report.findings.contains { $0.area == "memory" && $0.level == .fail }
    let asked = try folder.flatMap { try look(at: $0, isFull: isFull, &report) }
    let served = try daemon.flatMap {
      try look(at: Endpoint($0, for: .connect, option: "--daemon"), key, asked, &report)
    }
    if let log {
      report.findings += CameraChecks.findings(log, policy: asked ?? served)
    } else {
      report.findings.append(CameraChecks.unknown)
    }
    try Console.say(json ? JSONFile.text(report) : report.text)
    if !report.isSound { throw ExitCode.failed }
  }

  /// Looks at a policy.
  ///
  /// - Parameter isFull: whether the machine has no memory for it, so that it is not run.
  /// - Returns: what it asks of a robot; `nil` when it cannot be read.
  private func look(at folder: URL, isFull: Bool, _ report: inout DiagnosisReport) throws -> Capabilities? {
    guard !isFull else { return nil }
    do {
      let bundle = try PolicyBundle.load(from: folder)
      try compute.check(checkpoint: bundle.modelDirectory)
      let asked = bundle.capabilities(serverVersion: UIO2.version)
      report.findings += PolicyChecks.findings(asked)
      let brain = try UnifiedIOPolicy(bundle: bundle, weights: compute.options, serverVersion: UIO2.version)
      if let pace = try PolicyChecks.measure(brain, bundle.specification) {
        report.findings.append(
          PolicyChecks.pace(pace, of: asked, deadline: bundle.specification.control.deadlineMilliseconds))
      }
      return asked
    } catch {
      guard let failure = CommandFailure(error) else { throw error }
      report.findings.append(
        .fail(
          "policy", "\(folder.path): \(failure.message)", "mend the folder, or name another; uio2 inspect says more"))
      return nil
    }
  }

  private func look(
    at endpoint: Endpoint, _ key: ClientKey?, _ asked: Capabilities?, _ report: inout DiagnosisReport
  ) -> Capabilities? {
    do throws(ClientError) {
      let facts = try DaemonChecks.measure(endpoint, key: key, version: UIO2.version)
      report.findings += DaemonChecks.findings(facts, version: UIO2.version, digest: asked?.policyDigest)
      return facts.capabilities
    } catch {
      report.findings.append(DaemonChecks.failure(error, at: endpoint))
      return nil
    }
  }

  /// Bytes of the weights of a policy; `nil` where its folder does not say them.
  private static func weightBytes(_ folder: URL) -> UInt64? {
    guard let model = try? PolicyBundle.modelDirectory(of: folder),
      let files = try? FileManager.default.contentsOfDirectory(at: model, includingPropertiesForKeys: [.fileSizeKey])
    else { return nil }
    return files.filter { $0.pathExtension == "safetensors" }
      .compactMap { try? $0.resourceValues(forKeys: [.fileSizeKey]).fileSize }.reduce(0) { $0 + UInt64($1) }
  }
}
