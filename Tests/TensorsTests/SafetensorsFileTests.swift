import Foundation
import Tensors
import TestSupport
import Testing

/// Writes safetensors files byte by byte, so that every fault can be made on purpose.
struct SafetensorsFixture {
  var header: String
  var data: [UInt8]
  var headerLength: UInt64?

  func write(named name: String = "model.safetensors") throws -> URL {
    let directory = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    let url = directory.appending(path: name)
    var bytes = Data()
    withUnsafeBytes(of: (headerLength ?? UInt64(header.utf8.count)).littleEndian) { bytes.append(contentsOf: $0) }
    bytes.append(contentsOf: header.utf8)
    bytes.append(contentsOf: data)
    try bytes.write(to: url)
    return url
  }

  static let good = SafetensorsFixture(
    header: #"""
      {"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},
      "b":{"dtype":"BF16","shape":[3],"data_offsets":[16,22]},"c":{"dtype":"F16","shape":[2],"data_offsets":[22,26]},
      "i":{"dtype":"I64","shape":[1],"data_offsets":[26,34]}}
      """#,
    data: [1.0, 2.0, -3.0, 0.5].flatMap { (value: Float) in
      withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) }
    }
      + [0x80, 0x3f, 0x00, 0xc0, 0x49, 0x40]  // bf16 1, -2, 3.140625
      + [0x00, 0x3c, 0x01, 0x00]  // f16 1, the smallest denormal
      + [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])
}

@Suite struct SafetensorsFileTests {
  private func code(_ fixture: SafetensorsFixture) throws -> TensorError.Code? {
    let url = try fixture.write()
    do {
      _ = try SafetensorsFile(path: url.path)
      return nil
    } catch {
      return error.code
    }
  }

  @Test func readsEveryElementType() throws {
    let file = try SafetensorsFile(path: SafetensorsFixture.good.write().path)
    #expect(file.metadata == ["format": "pt"])
    #expect(try file.tensor("a").values == [1, 2, -3, 0.5])
    #expect(try file.tensor("a").shape == [2, 2])
    #expect(try file.tensor("b").values == [1, -2, 3.140625])
    #expect(try file.tensor("c").values == [1, 0x1p-24])
    #expect(try file.integers("i") == [-1])
  }

  @Test func wrongKindOfNumbersIsNamed() throws {
    let file = try SafetensorsFile(path: SafetensorsFixture.good.write().path)
    #expect(throws: TensorError.self) { try file.tensor("i") }
    #expect(throws: TensorError.self) { try file.integers("a") }
    do {
      _ = try file.tensor("nobody")
      Issue.record("a missing tensor was found")
    } catch {
      #expect(error.code == .missingTensor)
      #expect(error.subject == "nobody")
    }
  }

  @Test func missingFileIsAnError() {
    #expect(throws: TensorError.self) { try SafetensorsFile(path: "/nowhere/model.safetensors") }
  }

  @Test func headerLongerThanTheFile() throws {
    var fixture = SafetensorsFixture.good
    fixture.headerLength = 1 << 40
    #expect(try code(fixture) == .truncatedFile)
    fixture.headerLength = .max
    #expect(try code(fixture) == .truncatedFile)
    #expect(try code(SafetensorsFixture(header: "", data: [], headerLength: 1)) == .truncatedFile)
  }

  @Test func headerThatIsNotJSON() throws {
    #expect(try code(SafetensorsFixture(header: "{\"a\":", data: [])) == .malformedHeader)
    #expect(try code(SafetensorsFixture(header: "[]", data: [])) == .malformedHeader)
    #expect(try code(SafetensorsFixture(header: #"{"a":{"dtype":"F32"}}"#, data: [])) == .malformedHeader)
    let deep = String(repeating: "[", count: 100_000)
    #expect(try code(SafetensorsFixture(header: deep, data: [])) == .malformedHeader)
  }

  @Test func truncatedData() throws {
    var fixture = SafetensorsFixture.good
    fixture.data.removeLast()
    #expect(try code(fixture) == .truncatedFile)
  }

  @Test(arguments: [
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, TensorError.Code.invalidOffsets),
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#, .invalidOffsets),
    (#"{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}"#, .invalidOffsets),
    (#"{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]}}"#, .invalidOffsets),
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}}"#, .invalidOffsets),
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[4096,4104]}}"#, .truncatedFile),
    (
      #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#,
      .invalidOffsets
    ),
    (#"{"a":{"dtype":"C64","shape":[1],"data_offsets":[0,8]}}"#, .unsupportedType),
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8,9]}}"#, .malformedHeader),
    // Bytes behind the last tensor, a hole before one, between two, two names for the same bytes.
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, .invalidOffsets),
    (#"{}"#, .invalidOffsets),
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}"#, .invalidOffsets),
    (
      #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}"#,
      .invalidOffsets
    ),
    (
      #"{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},"b":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}"#,
      .invalidOffsets
    ),
    // Metadata are strings, and the header begins with its brace.
    (#"{"__metadata__":{"step":3},"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}"#, .malformedHeader),
    (#"{"__metadata__":["pt"],"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}"#, .malformedHeader),
    (#" {"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}"#, .malformedHeader),
    (#"{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}} }"#, .malformedHeader),
  ])
  func offsetsThatDoNotFit(header: String, expected: TensorError.Code) throws {
    #expect(try code(SafetensorsFixture(header: header, data: [UInt8](repeating: 0, count: 16))) == expected)
  }

  @Test(arguments: [
    #"{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}"#,
    #"{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}   "#,
    #"{"__metadata__":null,"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}"#,
    #"{"__metadata__":{},"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16],"more":1}}"#,
    #"{"e":{"dtype":"F32","shape":[0],"data_offsets":[8,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[8,16]},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#,
  ])
  func `what the format's own library takes is taken`(header: String) throws {
    #expect(try code(SafetensorsFixture(header: header, data: [UInt8](repeating: 0, count: 16))) == nil)
  }

  @Test func mutatedFilesGiveAnErrorOrAFile() throws {
    var random = SeededGenerator(seed: 7)
    var refused = 0, read = 0
    let bytes = try Data(contentsOf: SafetensorsFixture.good.write())
    let url = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).safetensors")
    defer { try? FileManager.default.removeItem(at: url) }
    for _ in 0..<2000 {
      var mutated = bytes
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        mutated[Int.random(in: 0..<mutated.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      if Bool.random(using: &random) { mutated = mutated.prefix(Int.random(in: 0...mutated.count, using: &random)) }
      try mutated.write(to: url)
      guard let file = try? SafetensorsFile(path: url.path) else {
        refused += 1
        continue
      }
      read += 1
      for name in file.entries.keys {
        _ = try? file.tensor(name)
        _ = try? file.integers(name)
      }
    }
    #expect(refused > 500 && read > 20)
  }
}
