import Foundation
import Tensors
import Testing

@Suite struct SafetensorsWriterTests {
  private func folder() throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    return folder
  }

  private func appendFloats(_ values: [Float], to name: String, _ body: (UnsafeRawBufferPointer, String) throws -> Void)
    throws
  {
    try values.withUnsafeBytes { try body($0, name) }
  }

  private func appendHalves(
    _ values: [UInt16], to name: String, _ body: (UnsafeRawBufferPointer, String) throws -> Void
  )
    throws
  {
    try values.withUnsafeBytes { try body($0, name) }
  }

  @Test func whatIsWrittenInPiecesIsReadBack() throws {
    let path = try folder().appending(path: "w.safetensors").path
    let writer = try SafetensorsWriter(
      path: path,
      tensors: [
        TensorDescription(name: "half", type: .bf16, shape: [3]),
        TensorDescription(name: "empty", type: .f32, shape: [0, 4]),
        TensorDescription(name: "quoted \"näme\"", type: .f32, shape: [2, 2]),
      ])
    #expect(writer.tensors.map(\.type) == [.f32, .f32, .bf16], "large elements come first")
    #expect(writer.next?.shape == [2, 2])
    try appendFloats([1, 2, 3], to: "quoted \"näme\"", writer.append)
    try appendFloats([4], to: "quoted \"näme\"", writer.append)
    #expect(!FileManager.default.fileExists(atPath: path), "the file appears when it is whole")
    try appendHalves([0x3f80, 0xc000, 0x4049], to: "half", writer.append)
    try writer.finish()
    let file = try SafetensorsFile(path: path)
    #expect(try file.tensor("quoted \"näme\"").values == [1, 2, 3, 4])
    #expect(try file.tensor("half").values == [1, -2, 3.140625])
    #expect(try file.tensor("empty").shape == [0, 4])
    #expect(file.metadata == ["format": "pt"])
    #expect(file.entries.values.allSatisfy { $0.offset % $0.type.size == 0 })
  }

  @Test func tooMuchTooLittleOrTheWrongTensorIsAnError() throws {
    let folder = try folder(), path = folder.appending(path: "w.safetensors").path
    do {
      let tensors = ["a", "b"].map { TensorDescription(name: $0, type: .f32, shape: [1]) }
      let writer = try SafetensorsWriter(path: path, tensors: tensors)
      #expect(throws: TensorError.self) { try appendFloats([1, 2], to: "a", writer.append) }
      #expect(throws: TensorError.self) { try appendFloats([1], to: "b", writer.append) }
      try appendFloats([1], to: "a", writer.append)
      #expect(throws: TensorError.self) { try appendFloats([1], to: "a", writer.append) }
      do {
        try writer.finish()
        Issue.record("an incomplete file was finished")
      } catch {
        #expect(error.code == .missingTensor)
        #expect(error.subject == "b")
      }
    }
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty, "an abandoned writer leaves nothing")
    let twice = [TensorDescription](repeating: TensorDescription(name: "a", type: .f32, shape: []), count: 2)
    #expect(throws: TensorError.self) { try SafetensorsWriter(path: path, tensors: twice) }
    let huge = [TensorDescription(name: "a", type: .f32, shape: [Int.max, 2])]
    #expect(throws: TensorError.self) { try SafetensorsWriter(path: path, tensors: huge) }
    #expect(throws: TensorError.self) { try SafetensorsWriter(path: folder.path + "/none/w.safetensors", tensors: []) }
  }

  @Test(arguments: [(1_000_000, 1), (24, 2), (1, 4)])
  func shardsAreOneCheckpoint(size: Int, files: Int) throws {
    let folder = try folder()
    let tensors = (0..<5).map { TensorDescription(name: "t\($0)", type: .f32, shape: [$0 == 4 ? 0 : 3]) }
    let writer = try CheckpointWriter(directory: folder, tensors: tensors, shardSize: size)
    for index in 0..<4 { try appendFloats([Float(index), 0.5, -1], to: "t\(index)", writer.append) }
    try writer.finish()
    let checkpoint = try Checkpoint(directory: folder)
    #expect(checkpoint.names == tensors.map(\.name))
    #expect(try checkpoint.tensor("t2", shape: [3]).values == [2, 0.5, -1])
    // An empty tensor joins the shard before it.
    #expect(checkpoint.files.count == files)
    #expect(throws: TensorError.self) { try CheckpointWriter(directory: folder, tensors: tensors) }
  }
}
