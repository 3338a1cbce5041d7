import ArgumentParser
import Foundation
import RobotPolicy
import UnifiedIO

/// `uio2 inspect`: what a checkpoint or a policy is, without running it.
struct Inspect: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show what a model or a policy is: configuration, modalities, parameters, memory.",
    discussion: """
      FOLDER holds a checkpoint (config.json with model.safetensors or shards) or a policy (policy.json beside or above one). \
      All weights are read, a piece at a time, and a number among them that is NaN or infinite is an error.

        uio2 inspect Policies/metaworld-mt5
        uio2 inspect checkpoints/uio2-large --json
      """)

  @Argument(help: "The folder of a model or a policy.", completion: .directory)
  var folder: String

  @Flag(help: "Print JSON.")
  var json = false

  func run() throws {
    let directory = URL(filePath: folder)
    let inspection: Inspection
    if FileManager.default.fileExists(atPath: directory.appending(path: "policy.json").path) {
      // What the digest is of is what is shown.
      let bundle = try PolicyBundle.load(from: directory)
      let document = try ConfigurationDocument(json: bundle.configuration, subject: "config.json")
      inspection = Inspection(
        policy: PolicyInspection(bundle, version: UIO2.version),
        model: try ModelInspection(document, bundle.checkpoint()))
    } else {
      inspection = Inspection(policy: nil, model: try ModelInspection(directory))
    }
    if json {
      try Console.say(try JSONFile.text(inspection))
    } else {
      try Console.say(inspection.text)
    }
  }
}

/// What `uio2 inspect --json` prints.
private struct Inspection: Encodable {
  /// Absent for a bare model.
  var policy: PolicyInspection?
  var model: ModelInspection

  var text: String { ([policy?.text].compactMap(\.self) + [model.text]).joined(separator: "\n\n") }
}
