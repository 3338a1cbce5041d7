import Foundation
import RobotInterface
import RobotPolicy
import Tensors
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
    #expect(capabilities.cameras.map(\.input) == [.image, .imageHistory])
    #expect(capabilities.actions.map(\.name) == ["delta_x", "delta_y", "delta_z", "gripper"])
    #expect(capabilities.actionMode == .delta)
    #expect(capabilities.actionFrame == "base")
    #expect(capabilities.hold == .zero)
    #expect(capabilities.chunkLength == 4)
    #expect(capabilities.limits.workspaceMinimum == [-0.6, 0.3, 0])
    #expect(capabilities.limits.maximumObservationAge == 500_000_000)
    #expect(capabilities.limits.frozenCameraTimeout == 1_000_000_000)
    #expect(capabilities.limits.maximumRotationRate == nil)
  }

  /// What a shell prints for a command in the bundle's folder.
  private func shell(_ command: String) throws -> String {
    let process = Process(), output = Pipe()
    process.executableURL = URL(filePath: "/bin/sh")
    process.arguments = ["-c", command]
    process.currentDirectoryURL = directory
    process.standardOutput = output
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    return text
  }

  @Test(arguments: [0, 1, 63, 64, 65, 300_000]) func theDigestIsThatOfSha256sumsLines(size: Int) throws {
    try write("model.safetensors", String(repeating: "w", count: size))
    let printed = try shell("sha256sum config.json model.safetensors policy.json tokenizer.model | sha256sum")
    #expect(try PolicyBundle.load(from: directory).digest == String(printed.prefix(64)))
  }

  @Test func `the digest is of the file that runs, not of shards that were left beside it`() throws {
    let alone = try PolicyBundle.load(from: directory).digest
    try write("model.safetensors.index.json", #"{"weight_map": {"a": "1.safetensors"}}"#)
    try write("1.safetensors", "one")
    #expect(try PolicyBundle.load(from: directory).digest == alone)
    try write("model.safetensors", "other weights")
    #expect(try PolicyBundle.load(from: directory).digest != alone)
  }

  @Test func `what happens to the files after they were read changes nothing`() throws {
    let header = #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#
    var bytes = Data((0..<8).map { UInt8(truncatingIfNeeded: header.utf8.count >> (8 * $0)) } + Array(header.utf8))
    bytes += Data([0, 0, 0x80, 0x3f, 0, 0, 0, 0x40])
    let url = directory.appending(path: "model.safetensors")
    try bytes.write(to: url)
    let bundle = try PolicyBundle.load(from: directory), digest = bundle.digest
    let handle = try FileHandle(forWritingTo: url)
    try handle.write(contentsOf: Data(repeating: 0xff, count: bytes.count))
    try handle.truncate(atOffset: 3)
    try handle.close()
    try write("config.json", "{\"other\": 1}")
    #expect(try bundle.checkpoint().tensor("a", shape: [2]).values == [1, 2])
    #expect(bundle.configuration == Data("{}".utf8))
    #expect(bundle.digest == digest)
    #expect(try PolicyBundle.load(from: directory).digest != digest)
  }

  @Test(arguments: ["policy.json", "tokenizer.model", "config.json", "model.safetensors"])
  func `a FIFO is refused and waited for by nobody`(file: String) throws {
    let url = directory.appending(path: file)
    try FileManager.default.removeItem(at: url)
    _ = try shell("mkfifo \(file)")
    let error = #expect(throws: PolicyError.self) { try PolicyBundle.load(from: self.directory) }
    #expect(error?.code == .unreadableFile)
    #expect(error?.subject == file)
  }

  @Test func `a copy has everything but the weights`() throws {
    try write("agreement/observations.safetensors", "seen")
    try write(".hidden", "secret")
    try write("model.safetensors.index.json", "{}")
    try write("old/copy/model.safetensors", "elsewhere")
    let copy = directory.appending(path: "int8")
    let bundle = try PolicyBundle.load(from: directory)
    let files = try bundle.copyCompanions(to: copy)
    let expected = [
      "README.md", "agreement/observations.safetensors", "config.json", "old/copy/model.safetensors", "policy.json",
      "tokenizer.model",
    ]
    #expect(files == expected)
    for file in expected {
      #expect(
        try Data(contentsOf: copy.appending(path: file)) == Data(contentsOf: directory.appending(path: file)), "\(file)"
      )
    }
    #expect(bundle.modelDirectory(inCopy: copy).standardizedFileURL == copy.standardizedFileURL)
    for file in expected { try FileManager.default.removeItem(at: copy.appending(path: file)) }
    #expect(try bundle.copyCompanions(to: copy) == expected, "the copy is no part of the bundle")
  }

  @Test func `a copy replaces nothing, and says so before anything is written`() throws {
    let bundle = try PolicyBundle.load(from: directory), copy = directory.appending(path: "copy")
    try bundle.checkCompanions(to: copy)
    try FileManager.default.createDirectory(at: copy, withIntermediateDirectories: true)
    try Data("mine".utf8).write(to: copy.appending(path: "README.md"))
    for attempt in [{ try bundle.checkCompanions(to: copy) }, { _ = try bundle.copyCompanions(to: copy) }] {
      let error = #expect(throws: PolicyError.self) { try attempt() }
      #expect(error?.code == .unwritableFile && error?.message.hasPrefix("exists already") == true)
    }
    #expect(try String(contentsOf: copy.appending(path: "README.md"), encoding: .utf8) == "mine")
  }

  @Test func `a file that cannot be read is not called unwritable`() throws {
    let bundle = try PolicyBundle.load(from: directory)
    try write("notes/long.txt", "words")
    #expect(chmod(directory.appending(path: "notes/long.txt").path, 0) == 0)
    // Root may read everything.
    guard geteuid() != 0 else { return }
    let error = #expect(throws: PolicyError.self) {
      try bundle.copyCompanions(to: directory.appending(path: "copy"))
    }
    #expect(error?.code == .unreadableFile)
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
