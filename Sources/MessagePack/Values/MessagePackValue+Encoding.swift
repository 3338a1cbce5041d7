import CMsgPack

extension MessagePackValue {
  /// The message's bytes: every number in its shortest form, text and bytes in their own types.
  ///
  /// - Throws: `.tooLarge` for more levels than anybody reads, `.outOfMemory`.
  public func encoded() throws(MessagePackError) -> [UInt8] {
    var buffer = msgpack_sbuffer()
    msgpack_sbuffer_init(&buffer)
    defer { msgpack_sbuffer_destroy(&buffer) }
    let result = withUnsafeMutablePointer(to: &buffer) { buffer in
      Result { () throws(MessagePackError) in
        var packer = msgpack_packer()
        msgpack_packer_init(&packer, buffer, msgpack_sbuffer_write)
        try pack(&packer, depth: 0)
      }
    }
    try result.get()
    return [UInt8](UnsafeRawBufferPointer(start: buffer.data, count: buffer.size))
  }

  private func pack(_ packer: inout msgpack_packer, depth: Int) throws(MessagePackError) {
    guard depth <= MessagePackLimits.deepest else {
      throw MessagePackError(.tooLarge, "", "more than \(MessagePackLimits.deepest) levels of lists and maps")
    }
    switch self {
    case .none: try check(msgpack_pack_nil(&packer))
    case .bool(let value): try check(value ? msgpack_pack_true(&packer) : msgpack_pack_false(&packer))
    case .integer(let value): try check(msgpack_pack_int64(&packer, value))
    case .unsigned(let value): try check(msgpack_pack_uint64(&packer, value))
    case .float(let value): try check(msgpack_pack_float(&packer, value))
    case .double(let value): try check(msgpack_pack_double(&packer, value))
    case .text(let text):
      var text = text
      try text.withUTF8 { bytes in
        Result { () throws(MessagePackError) in
          try check(msgpack_pack_str(&packer, try count(bytes.count)))
          try check(msgpack_pack_str_body(&packer, bytes.baseAddress, bytes.count))
        }
      }.get()
    case .binary(let bytes):
      try bytes.withUnsafeBufferPointer { bytes in
        Result { () throws(MessagePackError) in
          try check(msgpack_pack_bin(&packer, try count(bytes.count)))
          try check(msgpack_pack_bin_body(&packer, bytes.baseAddress, bytes.count))
        }
      }.get()
    case .extended(let kind, let bytes):
      try bytes.withUnsafeBufferPointer { bytes in
        Result { () throws(MessagePackError) in
          try check(msgpack_pack_ext(&packer, try count(bytes.count), kind))
          try check(msgpack_pack_ext_body(&packer, bytes.baseAddress, bytes.count))
        }
      }.get()
    case .array(let values):
      try check(msgpack_pack_array(&packer, try count(values.count)))
      for value in values { try value.pack(&packer, depth: depth + 1) }
    case .map(let map):
      try check(msgpack_pack_map(&packer, try count(map.entries.count)))
      for entry in map.entries {
        try entry.key.pack(&packer, depth: depth + 1)
        try entry.value.pack(&packer, depth: depth + 1)
      }
    }
  }

  private func check(_ status: Int32) throws(MessagePackError) {
    guard status == 0 else { throw MessagePackError(.outOfMemory, "", "no memory for the message") }
  }

  /// A length as the format has them: four bytes.
  private func count(_ count: Int) throws(MessagePackError) -> Int {
    guard count <= Int(UInt32.max) else { throw MessagePackError(.tooLarge, "", "more than \(UInt32.max) elements") }
    return count
  }
}
