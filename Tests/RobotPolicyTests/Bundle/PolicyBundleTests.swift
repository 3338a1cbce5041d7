import Foundation
import RobotInterface
import RobotPolicy
import Testing

@Suite("Policy bundles")
final class PolicyBundleTests {
  let directory: URL

  init() throws {
    directory = FileManager.default.temporaryDirectory.appending(path: "bundle-\(UUID().uuidString)")
    try write("policy.json", ExamplePolicy.delta)
    try write("tokenizer.model", "tokens")
    try write("config.json", "{}")
    try write("model.safetensors", "weights")
    try write("README.md", "for people")
  }

  deinit { try? FileManager.default.removeItem(at: directory) }

  func write(_ path: String, _ text: String) throws {
    let url = directory.appending(path: path)
    try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: url)
  }

  @Test func capabilitiesSayWhatTheBundleSays() throws {
    let bundle = try PolicyBundle.load(from: directory)
    let capabilities = bundle.capabilities(serverVersion: "1.2")
    #expect(capabilities.policyName == "example")
    #expect(capabilities.policyDigest == bundle.digest)
    #expect(capabilities.serverVersion == "1.2")
    #expect(capabilities.cameras.map(\.input) == ["image", "image_history"])
    #expect(capabilities.actions.map(\.name) == ["delta_x", "delta_y", "delta_z", "gripper"])
    #expect(capabilities.actionMode == "delta")
    #expect(capabilities.actionFrame == "base")
    #expect(capabilities.hold == "zero")
    #expect(capabilities.chunkLength == 4)
    #expect(capabilities.limits.workspaceMinimum == [-0.6, 0.3, 0])
    #expect(capabilities.limits.maximumObservationAge == 500_000_000)
    #expect(capabilities.limits.frozenCameraTimeout == 1_000_000_000)
    #expect(capabilities.limits.maximumRotationRate == nil)
  }

  /// `sha256sum config.json model.safetensors policy.json tokenizer.model | sha256sum`
  @Test func theDigestIsThatOfSha256sumsLines() throws {
    let files = ["config.json", "model.safetensors", "policy.json", "tokenizer.model"]
    let lines = try files.map { file in
      "\(SHA256.hex(of: [UInt8](try Data(contentsOf: directory.appending(path: file)))))  \(file)\n"
    }
    #expect(try PolicyBundle.load(from: directory).digest == SHA256.hex(of: Array(lines.joined().utf8)))
  }

  @Test func theDigestFollowsWhatMattersAndNothingElse() throws {
    let before = try PolicyBundle.load(from: directory).digest
    try write("README.md", "other words")
    #expect(try PolicyBundle.load(from: directory).digest == before)
    try write("model.safetensors", "weightS")
    #expect(try PolicyBundle.load(from: directory).digest != before)
  }

  @Test(arguments: ["policy.json", "tokenizer.model", "config.json", "model.safetensors"])
  func aMissingFileIsNamed(file: String) throws {
    try FileManager.default.removeItem(at: directory.appending(path: file))
    let error = #expect(throws: PolicyError.self) { try PolicyBundle.load(from: directory) }
    #expect(error?.code == .missingFile)
    #expect(error?.subject == file)
  }

  @Test func shardsAreFilesOfTheBundle() throws {
    try FileManager.default.removeItem(at: directory.appending(path: "model.safetensors"))
    try write("model.safetensors.index.json", #"{"weight_map": {"a": "1.safetensors", "b": "2.safetensors"}}"#)
    try write("1.safetensors", "one")
    let error = #expect(throws: PolicyError.self) { try PolicyBundle.load(from: directory) }
    #expect(error?.subject == "2.safetensors")
    try write("2.safetensors", "two")
    let before = try PolicyBundle.load(from: directory).digest
    try write("2.safetensors", "three")
    #expect(try PolicyBundle.load(from: directory).digest != before)
  }

  @Test func aModelMayHaveItsOwnFolder() throws {
    try write("policy.json", ExamplePolicy.delta.replacing("\"model\": \".\"", with: "\"model\": \"./weights/\""))
    try write("weights/config.json", "{}")
    try write("weights/model.safetensors", "weights")
    let bundle = try PolicyBundle.load(from: directory)
    #expect(bundle.modelDirectory.lastPathComponent == "weights")
  }

  @Test(arguments: ["../other", "/etc", "a/../../b", "~/x"])
  func pathsCannotLeaveTheBundle(path: String) throws {
    try write("policy.json", ExamplePolicy.delta.replacing("\"model\": \".\"", with: "\"model\": \"\(path)\""))
    let error = #expect(throws: PolicyError.self) { try PolicyBundle.load(from: directory) }
    #expect(error?.code == .unsafePath)
    #expect(error?.subject == "model")
  }

  @Test func linksCannotLeaveTheBundle() throws {
    let tokenizer = directory.appending(path: "tokenizer.model")
    try FileManager.default.removeItem(at: tokenizer)
    try FileManager.default.createSymbolicLink(atPath: tokenizer.path, withDestinationPath: "/etc/passwd")
    let error = #expect(throws: PolicyError.self) { try PolicyBundle.load(from: directory) }
    #expect(error?.code == .unsafePath)
  }
}
