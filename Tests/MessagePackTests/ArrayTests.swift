import MessagePack
import TestSupport
import Testing

@Suite("Arrays of numpy, in four dialects")
struct ArrayTests {
  private struct Fixtures: Decodable {
    struct Array: Decodable {
      var name: String
      var element: String
      var shape: [Int]
      var values: [Double]
      var hex: Hex
    }

    struct Scalar: Decodable {
      var value: Double
      var hex: Hex
    }

    var arrays: [Array]
    var refused: [String: Hex]
    var scalars: [Scalar]
  }

  private let fixtures: Fixtures

  init() throws { fixtures = try Recorded.load(Fixtures.self, of: "MessagePackTests") }

  @Test func `every kind of number in every dialect`() throws {
    #expect(fixtures.arrays.count > 300)
    for fixture in fixtures.arrays {
      let array = try NumericArray(MessagePackValue(decoding: fixture.hex.bytes))
      #expect(array.element.rawValue == fixture.element, "\(fixture.name)")
      #expect(array.shape == fixture.shape, "\(fixture.name)")
      #expect(array.doubles == fixture.values, "\(fixture.name)")
    }
  }

  @Test func `written as the real packages write it`() throws {
    var compared = 0
    for fixture in fixtures.arrays where !fixture.name.contains("order F") && !fixture.name.contains("version") {
      let array = try NumericArray(MessagePackValue(decoding: fixture.hex.bytes))
      let dialect: ArrayDialect =
        switch fixture.name.split(separator: " ").first {
        case "openpi": .openpi
        case "vla-eval": .vlaEval
        case "msgpack-numpy": .messagePackNumpy
        default: .npy
        }
      let bytes = try array.messagePack(dialect).encoded()
      #expect(try NumericArray(MessagePackValue(decoding: bytes)) == array)
      #expect(bytes == fixture.hex.bytes, "\(fixture.name)")
      compared += 1
    }
    #expect(compared > 280)
  }

  @Test func `what is no array of numbers is refused with advice`() throws {
    #expect(fixtures.refused.count == 7)
    for (name, hex) in fixtures.refused {
      let value = try MessagePackValue(decoding: hex.bytes)
      let error = #expect(throws: MessagePackError.self, "\(name)") { try NumericArray(value) }
      #expect(error?.code == .unsupportedElement, "\(name)")
      #expect(error?.message.contains(name == "big-endian" ? "astype" : ";") == true, "\(name)")
    }
  }

  @Test func `numbers of numpy stand for lists of one`() throws {
    for fixture in fixtures.scalars {
      let array = try NumericArray(MessagePackValue(decoding: fixture.hex.bytes))
      #expect(array.doubles == [fixture.value])
      #expect(array.shape == [])
    }
  }

  @Test func `the bytes of msgpack-numpy in the facts`() throws {
    let bytes = try Hex(
      "85c4026e64c3c40474797065a33c6634c4046b696e64c400c405736861706593010203c40464617461c4180000"
        + "00000000803f0000004000004040000080400000a040"
    ).bytes
    let array = try NumericArray(MessagePackValue(decoding: bytes))
    #expect(array.shape == [1, 2, 3])
    #expect(array.doubles == [0, 1, 2, 3, 4, 5])
    #expect(try array.messagePack(.messagePackNumpy).encoded() == bytes)
  }

  @Test(
    arguments: [
      ([3], 11), ([3], 13), ([], 0), ([-1, -3], 12), ([1 << 62, 1 << 62], 0), ([1 << 62, 4], 0), ([Int.max], 4),
      ([0, 3], 4),
      ([1, 1, 1, 1, 1, 1, 1, 1, 1], 4),
    ] as [([Int], Int)])
  func `a shape that does not fit its bytes`(shape: [Int], bytes: Int) throws {
    for marker in ["__ndarray__", "nd"] {
      let value = MessagePackValue.map([
        marker: .bool(true), "data": .binary([UInt8](repeating: 0, count: bytes)[...]),
        marker == "nd" ? "type" : "dtype": .text("<f4"), "shape": .array(shape.map { .integer(Int64($0)) }),
      ])
      let error = #expect(throws: MessagePackError.self) { try NumericArray(value) }
      #expect(error?.code == .invalidShape)
    }
  }

  @Test(arguments: [
    "", "{}", "{'descr': '<f4'}", "{'descr': '<f4', 'fortran_order': False, 'shape': (1)",
    "{'descr': 3, 'shape': (1,)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }",
    "{'descr': '<f4', 'fortran_order': 1, 'shape': (1,), }",
    "{'descr': '<f4', 'descr': '<f4', 'shape': (1,), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'x': ''}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), } import os",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }",
  ])
  func `a header that numpy does not write`(header: String) throws {
    let file =
      [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, UInt8(header.utf8.count), 0] + Array(header.utf8) + [0, 0, 0, 0]
    #expect(throws: MessagePackError.self) { try NumericArray(npy: file[...]) }
    #expect(throws: MessagePackError.self) { try NumericArray(npy: file.prefix(9)) }
  }

  @Test func `lists of numbers are arrays too`() throws {
    let array = try NumericArray(.array([.array([.integer(1), .float(2)]), .array([.double(3), .unsigned(.max)])]))
    #expect(array.shape == [2, 2])
    #expect(array.doubles == [1, 2, 3, 0x1p64])
    let ragged = MessagePackValue.array([.array([.integer(1)]), .integer(1)])
    #expect(throws: MessagePackError(.invalidShape, "[1]", "the lists are of different lengths")) {
      try NumericArray(ragged)
    }
    #expect(throws: MessagePackError.self) { try NumericArray(.text("1")) }
  }
}
