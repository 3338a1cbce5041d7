import Foundation

/// The JSON header of a safetensors file, read but not yet checked against the file.
struct SafetensorsHeader {
  struct Tensor {
    let name: String
    let type: ElementType
    let shape: [Int]
    let begin: Int
    let end: Int
  }

  private(set) var tensors: [Tensor] = []
  private(set) var metadata: [String: String] = [:]

  init(_ data: Data, path: String) throws(TensorError) {
    // Parsers differ on deep nesting; a safetensors header never needs more than three levels.
    guard Self.depth(of: data) <= 8 else {
      throw TensorError(.malformedHeader, path, "the header is nested too deeply")
    }
    let entries: [String: Value]
    do {
      entries = try JSONDecoder().decode([String: Value].self, from: data)
    } catch {
      throw TensorError(.malformedHeader, path, "the header is not the JSON of a safetensors file: \(error)")
    }
    for (name, value) in entries {
      if name == "__metadata__" {
        metadata = value.metadata ?? [:]
        continue
      }
      guard let description = value.tensor, description.data_offsets.count == 2 else {
        throw TensorError(.malformedHeader, name, "needs dtype, shape and two data_offsets in the header of \(path)")
      }
      guard let type = ElementType(rawValue: description.dtype) else {
        throw TensorError(
          .unsupportedType, name,
          "has element type \(description.dtype) in \(path); F32, BF16, F16, I32, I64 and U8 are read")
      }
      tensors.append(
        Tensor(
          name: name, type: type, shape: description.shape, begin: description.data_offsets[0],
          end: description.data_offsets[1]))
    }
  }

  private static func depth(of data: Data) -> Int {
    var depth = 0, deepest = 0, inString = false, escaped = false
    for byte in data {
      if inString {
        if escaped {
          escaped = false
        } else if byte == UInt8(ascii: "\\") {
          escaped = true
        } else if byte == UInt8(ascii: "\"") {
          inString = false
        }
        continue
      }
      switch byte {
      case UInt8(ascii: "\""): inString = true
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        depth += 1
        deepest = max(deepest, depth)
      case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
      default: break
      }
    }
    return deepest
  }

  private struct Description: Decodable {
    let dtype: String
    let shape: [Int]
    let data_offsets: [Int]
  }

  private struct Value: Decodable {
    let tensor: Description?
    let metadata: [String: String]?

    init(from decoder: any Decoder) throws {
      tensor = try? Description(from: decoder)
      metadata = tensor == nil ? try? [String: String](from: decoder) : nil
    }
  }
}
