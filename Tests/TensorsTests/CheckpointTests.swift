import Foundation
import Tensors
import Testing

@Suite struct CheckpointTests {
  @Test func shapesAreChecked() throws {
    let url = try SafetensorsFixture.good.write()
    let checkpoint = try Checkpoint(directory: url.deletingLastPathComponent())
    #expect(try checkpoint.tensor("a", shape: [2, 2]).count == 4)
    do {
      _ = try checkpoint.tensor("a", shape: [4])
      Issue.record("a mis-shaped tensor was taken")
    } catch {
      #expect(error.code == .shapeMismatch)
      #expect(error.message.contains("[4]") && error.message.contains("[2, 2]"))
    }
  }

  @Test func surplusTensorsAreNamed() throws {
    let url = try SafetensorsFixture.good.write()
    let checkpoint = try Checkpoint(directory: url.deletingLastPathComponent())
    _ = try checkpoint.tensor("a", shape: [2, 2])
    do {
      try checkpoint.checkNothingIsLeft { $0 == "i" }
      Issue.record("surplus tensors went unnoticed")
    } catch {
      #expect(error.code == .surplusTensor)
      #expect(error.subject == "b")
    }
    try checkpoint.checkNothingIsLeft { $0 != "a" }
  }

  @Test func shardsWithAnIndexAreOneCheckpoint() throws {
    let first = try SafetensorsFixture.good.write(named: "model-1.safetensors")
    let folder = first.deletingLastPathComponent()
    let other = SafetensorsFixture(
      header: #"{"z":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, data: [0, 0, 0x80, 0x3f])
    try FileManager.default.copyItem(at: other.write(), to: folder.appending(path: "model-2.safetensors"))
    func index(_ map: [String: String]) throws {
      try JSONSerialization.data(withJSONObject: ["weight_map": map])
        .write(to: folder.appending(path: "model.safetensors.index.json"))
    }
    let one = "model-1.safetensors", two = "model-2.safetensors"
    try index(["a": one, "b": one, "c": one, "i": one, "z": two])
    let checkpoint = try Checkpoint(directory: folder)
    #expect(try checkpoint.tensor("z", shape: [1]).values == [1])
    #expect(checkpoint.names == ["a", "b", "c", "i", "z"])

    try index(["a": two, "z": two])
    #expect(throws: TensorError.self) { try Checkpoint(directory: folder) }
    try index(["a": "../secret.safetensors"])
    #expect(throws: TensorError.self) { try Checkpoint(directory: folder) }
    try index(["nobody": one])
    #expect(throws: TensorError.self) { try Checkpoint(directory: folder) }
    try index(["a": "absent.safetensors"])
    #expect(throws: TensorError.self) { try Checkpoint(directory: folder) }
  }

  @Test func `one file comes before an index that was left beside it`() throws {
    let first = try SafetensorsFixture.good.write()
    let folder = first.deletingLastPathComponent()
    let shard = SafetensorsFixture(
      header: #"{"z":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, data: [0, 0, 0x80, 0x3f])
    try FileManager.default.copyItem(at: shard.write(), to: folder.appending(path: "model-1.safetensors"))
    try Data(#"{"weight_map": {"z": "model-1.safetensors"}}"#.utf8)
      .write(to: folder.appending(path: "model.safetensors.index.json"))
    #expect(try Checkpoint(directory: folder).names == ["a", "b", "c", "i"])
    #expect(CheckpointLayout { _ in true } == .oneFile)
    #expect(CheckpointLayout { $0 == CheckpointLayout.index } == .shards)
    #expect(CheckpointLayout { _ in false } == nil)
  }

  @Test func `weights stay what they were when their file is written over or cut short`() throws {
    let url = try SafetensorsFixture.good.write(), folder = url.deletingLastPathComponent()
    let checkpoint = try Checkpoint(directory: folder)
    let tensor = try checkpoint.tensor("a", shape: [2, 2])
    let matrix = try checkpoint.matrix("a", shape: [2, 2], options: .standard)
    let handle = try FileHandle(forWritingTo: url)
    try handle.write(contentsOf: Data(repeating: 0x7f, count: 400))
    try handle.truncate(atOffset: 10)
    try handle.close()
    #expect(tensor.values == [1, 2, -3, 0.5])
    #expect(matrix.widened().values == [1, 2, -3, 0.5])
    do {
      _ = try checkpoint.tensor("b", shape: [3])
      Issue.record("was read from a file that has ended")
    } catch {
      #expect(error.code == .truncatedFile)
    }
  }

  @Test func `memory is counted as the weights are kept`() throws {
    let folder = try SafetensorsFixture.good.write().deletingLastPathComponent()
    let checkpoint = try Checkpoint(directory: folder)
    // Four floats of a matrix; vectors of three and two; an integer of eight bytes.
    #expect(checkpoint.memorySize() == 16 + 12 + 8 + 8)
    #expect(checkpoint.memorySize(WeightOptions(format: .bf16)) == 8 + 12 + 8 + 8)
    #expect(checkpoint.memorySize(WeightOptions(format: .int8)) == 4 + 12 + 8 + 8)
    #expect(checkpoint.memoryToTake() == checkpoint.memorySize())
    let loaded = try Checkpoint(
      directory: folder, files: [FileBytes(loading: folder.appending(path: "model.safetensors").path)], map: nil)
    #expect(loaded.memoryToTake() == 12 + 8)
  }

  @Test func emptyFolderIsAnError() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    #expect(throws: TensorError.self) { try Checkpoint(directory: folder) }
  }
}
