import CMsgPack

extension MessagePackValue {
  /// Reads one message, the whole of `bytes`.
  ///
  /// No bytes can bring it down, and nothing is allocated that the bytes do not pay for. Text and bytes of the result lie in `bytes`.
  ///
  /// - Throws: a ``MessagePackError`` with the place at fault.
  public init(decoding bytes: [UInt8], limits: MessagePackLimits = MessagePackLimits()) throws(MessagePackError) {
    let result = bytes.withUnsafeBufferPointer { buffer in
      Result { () throws(MessagePackError) in
        try Survey.check(buffer, limits)
        return try Self.unpack(buffer, bytes)
      }
    }
    self = try result.get()
  }

  private static func unpack(
    _ buffer: UnsafeBufferPointer<UInt8>, _ bytes: [UInt8]
  ) throws(MessagePackError) -> MessagePackValue {
    var unpacked = msgpack_unpacked()
    msgpack_unpacked_init(&unpacked)
    defer { msgpack_unpacked_destroy(&unpacked) }
    guard let base = UnsafeRawPointer(buffer.baseAddress) else {
      throw MessagePackError(.truncated, "", "the message ends within the value")
    }
    var end = 0
    let status = msgpack_unpack_next(&unpacked, base.assumingMemoryBound(to: CChar.self), buffer.count, &end)
    switch status {
    case MSGPACK_UNPACK_SUCCESS: return try Conversion(base: base, bytes: bytes).value(unpacked.data)
    case MSGPACK_UNPACK_NOMEM_ERROR: throw MessagePackError(.outOfMemory, "", "no memory for \(bytes.count) bytes")
    default: throw MessagePackError(.truncated, "", "the message ends within the value")
    }
  }
}

/// From msgpack-c's objects, which point into the message, to ours, which are slices of it.
private struct Conversion {
  let base: UnsafeRawPointer
  let bytes: [UInt8]

  func value(_ object: msgpack_object) throws(MessagePackError) -> MessagePackValue {
    switch object.type {
    case MSGPACK_OBJECT_BOOLEAN: return .bool(object.via.boolean)
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
      return Int64(exactly: object.via.u64).map(MessagePackValue.integer) ?? .unsigned(object.via.u64)
    case MSGPACK_OBJECT_NEGATIVE_INTEGER: return .integer(object.via.i64)
    case MSGPACK_OBJECT_FLOAT32: return .float(Float(object.via.f64))
    case MSGPACK_OBJECT_FLOAT64: return .double(object.via.f64)
    case MSGPACK_OBJECT_STR: return .text(try text(slice(object.via.str.ptr, object.via.str.size)))
    case MSGPACK_OBJECT_BIN: return .binary(slice(object.via.bin.ptr, object.via.bin.size))
    case MSGPACK_OBJECT_EXT:
      return .extended(kind: object.via.ext.type, slice(object.via.ext.ptr, object.via.ext.size))
    case MSGPACK_OBJECT_ARRAY: return .array(try list(object.via.array))
    case MSGPACK_OBJECT_MAP: return .map(try map(object.via.map))
    default: return .none
    }
  }

  private func slice(_ pointer: UnsafePointer<CChar>?, _ count: UInt32) -> ArraySlice<UInt8> {
    guard let pointer, count > 0 else { return [] }
    let start = UnsafeRawPointer(pointer) - base
    return bytes[start..<start + Int(count)]
  }

  private func text(_ bytes: ArraySlice<UInt8>) throws(MessagePackError) -> String {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw MessagePackError(.invalidText, "", "the text is not UTF-8")
    }
    return text
  }

  private func list(_ list: msgpack_object_array) throws(MessagePackError) -> [MessagePackValue] {
    var values: [MessagePackValue] = []
    values.reserveCapacity(Int(list.size))
    for index in 0..<Int(list.size) {
      do throws(MessagePackError) {
        values.append(try value(list.ptr[index]))
      } catch {
        throw error.within(.index(index))
      }
    }
    return values
  }

  private func map(_ map: msgpack_object_map) throws(MessagePackError) -> MessagePackMap {
    var result = MessagePackMap()
    result.entries.reserveCapacity(Int(map.size))
    var seen: Set<MessagePackValue> = []
    for index in 0..<Int(map.size) {
      let pair = map.ptr[index]
      let key = try self.key(pair.key, index)
      let step = PathStep.key(key.string ?? "key \(index)")
      guard seen.insert(key).inserted else {
        throw MessagePackError(.invalidKey, "", "the key is there twice").within(step)
      }
      do throws(MessagePackError) {
        result.entries.append(MessagePackMap.Entry(key, try value(pair.val)))
      } catch {
        throw error.within(step)
      }
    }
    return result
  }

  private func key(_ object: msgpack_object, _ index: Int) throws(MessagePackError) -> MessagePackValue {
    do throws(MessagePackError) {
      let key = try value(object)
      switch key {
      case .text, .binary, .integer, .unsigned: return key
      default: throw MessagePackError(.invalidKey, "", "a key is text, bytes or a whole number, not \(key.kind)")
      }
    } catch {
      throw error.within(.key("key \(index)"))
    }
  }
}
