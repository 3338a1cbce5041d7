import Foundation
import UnifiedIO

/// Just enough of the safetensors format for the reference's numbers.
struct GoldenTensors {
  private struct Entry: Decodable {
    var dtype: String
    var shape: [Int]
    var data_offsets: [Int]
  }
  struct Missing: Error { var name: String }

  private let entries: [String: Entry]
  private let data: [UInt8]

  init(_ url: URL) throws {
    let bytes = Array(try Data(contentsOf: url))
    let headerSize = bytes.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
    entries = try JSONDecoder().decode([String: Entry].self, from: Data(bytes[8..<(8 + headerSize)]))
    data = Array(bytes[(8 + headerSize)...])
  }

  func contains(_ name: String) -> Bool { entries[name] != nil }

  func shape(_ name: String) throws -> [Int] { try entry(name, dtype: nil).shape }

  func floats(_ name: String) throws -> [Float] {
    words(try entry(name, dtype: "F32")).map { Float(bitPattern: $0) }
  }

  func integers(_ name: String) throws -> [Int32] {
    words(try entry(name, dtype: "I32")).map { Int32(bitPattern: $0) }
  }

  private func entry(_ name: String, dtype: String?) throws -> Entry {
    guard let entry = entries[name], dtype == nil || entry.dtype == dtype else { throw Missing(name: name) }
    return entry
  }

  private func words(_ entry: Entry) -> [UInt32] {
    stride(from: entry.data_offsets[0], to: entry.data_offsets[1], by: 4).map { start in
      data[start..<(start + 4)].reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }
  }
}

/// How far patches are from the reference's, in units of the pixels' range 0...1.
struct PixelDifference: CustomStringConvertible {
  var compared = 0
  var differing = 0
  var largest: Float = 0

  /// - Parameters:
  ///   - reference: every `step`-th patch of the same picture.
  init(_ patches: [Float], reference: [Float], step: Int, patchLength: Int = 768) {
    let deviation: [Float] = [0.26862954, 0.26130258, 0.27577711]
    for index in reference.indices {
      let patch = index / patchLength * step
      let value = patches[patch * patchLength + index % patchLength]
      let difference = abs(value - reference[index]) * deviation[index % 3]
      compared += 1
      if value != reference[index] { differing += 1 }
      // A NaN must not pass for agreement.
      largest = difference.isNaN ? .infinity : max(largest, difference)
    }
  }

  var description: String { "\(differing) of \(compared) values differ, by \(largest) of the range at most" }
}
