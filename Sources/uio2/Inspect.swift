import ArgumentParser
import Foundation
import PolicyEvaluation
import RobotPolicy

/// `uio2 inspect`: what a checkpoint or a policy is, without running it.
struct Inspect: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show what a model or a policy is: configuration, modalities, parameters, memory.",
    discussion: """
      FOLDER holds a checkpoint (config.json with model.safetensors or shards) or a policy (policy.json beside or above one). \
      Only headers are read of the weights, so it is quick on checkpoints that would not fit into memory.

        uio2 inspect Policies/metaworld-mt5
        uio2 inspect checkpoints/uio2-large --json
      """)

  @Argument(help: "The folder of a model or a policy.", completion: .directory)
  var folder: String

  @Flag(help: "Print JSON.")
  var json = false

  func run() throws {
    let directory = URL(filePath: folder)
    var policy: PolicyInspection?
    var model = directory
    if FileManager.default.fileExists(atPath: directory.appending(path: "policy.json").path) {
      let bundle = try PolicyBundle.load(from: directory)
      policy = PolicyInspection(bundle, version: UIO2.version)
      model = bundle.modelDirectory
    }
    let inspection = Inspection(policy: policy, model: try ModelInspection(model))
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
