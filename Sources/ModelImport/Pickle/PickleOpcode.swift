/// The opcodes that state dictionaries are written with; a byte that is none of them is refused.
enum PickleOpcode: UInt8 {
  case `protocol` = 0x80
  case frame = 0x95
  case stop = 0x2e  // .
  case mark = 0x28  // (
  case pop = 0x30  // 0
  case popMark = 0x31  // 1
  case duplicate = 0x32  // 2
  case none = 0x4e  // N
  case `true` = 0x88
  case `false` = 0x89
  case integer = 0x4a  // J
  case byte = 0x4b  // K
  case short = 0x4d  // M
  case long = 0x8a
  case real = 0x47  // G
  case shortUnicode = 0x8c
  case unicode = 0x58  // X
  case longUnicode = 0x8d
  case shortString = 0x55  // U
  case shortBytes = 0x43  // C
  case bytes = 0x42  // B
  case emptyTuple = 0x29  // )
  case tuple1 = 0x85
  case tuple2 = 0x86
  case tuple3 = 0x87
  case tuple = 0x74  // t
  case emptyList = 0x5d  // ]
  case append = 0x61  // a
  case appends = 0x65  // e
  case emptyDictionary = 0x7d  // }
  case setItem = 0x73  // s
  case setItems = 0x75  // u
  case binPut = 0x71  // q
  case longBinPut = 0x72  // r
  case memoize = 0x94
  case binGet = 0x68  // h
  case longBinGet = 0x6a  // j
  case global = 0x63  // c
  case stackGlobal = 0x93
  case reduce = 0x52  // R
  case build = 0x62  // b
  case persistentID = 0x51  // Q

  /// What Python calls an opcode that is refused.
  static func name(of code: UInt8) -> String {
    let names: [UInt8: String] = [
      0x69: "INST", 0x6f: "OBJ", 0x81: "NEWOBJ", 0x92: "NEWOBJ_EX", 0x82: "EXT1", 0x83: "EXT2", 0x84: "EXT4",
      0x50: "PERSID", 0x49: "INT", 0x4c: "LONG", 0x46: "FLOAT", 0x53: "STRING", 0x54: "BINSTRING", 0x56: "UNICODE",
      0x67: "GET", 0x70: "PUT", 0x64: "DICT", 0x6c: "LIST", 0x8b: "LONG4", 0x8e: "BINBYTES8", 0x8f: "EMPTY_SET",
      0x90: "ADDITEMS", 0x91: "FROZENSET", 0x96: "BYTEARRAY8", 0x97: "NEXT_BUFFER", 0x98: "READONLY_BUFFER",
    ]
    return names[code] ?? "0x" + String(code, radix: 16)
  }
}
