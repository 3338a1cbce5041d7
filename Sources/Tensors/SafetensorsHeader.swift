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
    guard data.first == UInt8(ascii: "{") else {
      throw TensorError(.malformedHeader, path, "the header does not begin with {, as that of a safetensors file does")
    }
    // Parsers differ on deep nesting; a safetensors header never needs more than three levels.
    guard Self.depth(of: data) <= 8 else {
      throw TensorError(.malformedHeader, path, "the header is nested too deeply")
    }
    let header: Header
    do {
      header = try JSONDecoder().decode(Header.self, from: data)
    } catch {
      throw TensorError(.malformedHeader, path, "the header is not the JSON of a safetensors file: \(error)")
    }
    guard let metadata = header.metadata else {
      throw TensorError(.malformedHeader, Header.metadataKey, "holds more than strings in the header of \(path)")
    }
    self.metadata = metadata
    for (name, description) in header.tensors {
      guard let description, description.data_offsets.count == 2 else {
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

  private struct Header: Decodable {
    static let metadataKey = "__metadata__"

    /// `nil`: the entry is no description of a tensor.
    var tensors: [String: Description?] = [:]
    /// `nil`: there are other values than strings.
    var metadata: [String: String]? = [:]

    private struct Key: CodingKey {
      let stringValue: String
      var intValue: Int? { nil }
      init(stringValue: String) { self.stringValue = stringValue }
      init?(intValue: Int) { nil }
    }

    init(from decoder: any Decoder) throws {
      let entries = try decoder.container(keyedBy: Key.self)
      for key in entries.allKeys {
        if key.stringValue != Self.metadataKey {
          tensors.updateValue(try? entries.decode(Description.self, forKey: key), forKey: key.stringValue)
        } else if try !entries.decodeNil(forKey: key) {
          metadata = try? entries.decode([String: String].self, forKey: key)
        }
      }
    }
  }
}
