import Tensors

/// Where the central directory of a zip archive lies and how many records it has.
struct ZipDirectory {
  let range: Range<Int>
  let count: Int

  /// Finds the record at the end of the file, and its 64-bit companion where there is one.
  init(_ file: FileBytes) throws(ImportError) {
    let end = try Self.endRecord(of: file)
    var cursor = ByteCursor(file, end..<file.count)
    try cursor.skip(4)
    let disk = try cursor.integer(UInt16.self), firstDisk = try cursor.integer(UInt16.self)
    try cursor.skip(2)
    var count = UInt64(try cursor.integer(UInt16.self))
    var size = UInt64(try cursor.integer(UInt32.self)), offset = UInt64(try cursor.integer(UInt32.self))
    var limit = end
    if let wide = try Self.wideRecord(of: file, before: end) {
      (count, size, offset, limit) = wide
    } else if disk != 0 || firstDisk != 0 {
      throw ImportError(.malformedArchive, file.path, "is one part of an archive in several")
    }
    guard offset <= UInt64(limit), size <= UInt64(limit) - offset else {
      throw ImportError(
        .truncatedFile, file.path,
        "has its table of contents at byte \(offset), beyond its end; is the download complete?")
    }
    // A record has at least 46 bytes.
    guard count <= UInt64(ZipArchive.maximumEntries), count * 46 <= size else {
      throw ImportError(.malformedArchive, file.path, "claims \(count) entries in a table of \(size) bytes")
    }
    self.count = Int(count)
    range = Int(offset)..<Int(offset + size)
  }

  /// The last record that is followed by exactly its own comment.
  private static func endRecord(of file: FileBytes) throws(ImportError) -> Int {
    let length = 22, start = max(0, file.count - length - Int(UInt16.max))
    var tail = ByteCursor(file, start..<file.count)
    let bytes = try tail.bytes(tail.remaining)
    var position = bytes.count - length
    while position >= 0 {
      if Array(bytes[position..<position + 4]) == [0x50, 0x4b, 5, 6] {
        let comment = Int(bytes[position + 20]) | Int(bytes[position + 21]) << 8
        if comment == bytes.count - position - length { return start + position }
      }
      position -= 1
    }
    throw ImportError(
      .truncatedFile, file.path, "begins as a zip archive but has no table of contents; is the download complete?")
  }

  private static func wideRecord(
    of file: FileBytes, before end: Int
  ) throws(ImportError) -> (count: UInt64, size: UInt64, offset: UInt64, limit: Int)? {
    let locatorLength = 20, recordLength = 56
    guard end >= locatorLength + recordLength else { return nil }
    var locator = ByteCursor(file, end - locatorLength..<end)
    guard try locator.integer(UInt32.self) == 0x0706_4b50 else { return nil }
    try locator.skip(4)
    let position = try locator.integer(UInt64.self)
    guard position <= UInt64(end - locatorLength - recordLength) else {
      throw ImportError(.malformedArchive, file.path, "has its zip64 record outside the file")
    }
    var record = ByteCursor(file, Int(position)..<end)
    guard try record.integer(UInt32.self) == 0x0606_4b50 else {
      throw ImportError(.malformedArchive, file.path, "has no zip64 record where it says")
    }
    try record.skip(28)
    let count = try record.integer(UInt64.self), size = try record.integer(UInt64.self)
    return (count, size, try record.integer(UInt64.self), Int(position))
  }
}

/// One record of the central directory.
struct ZipRecord {
  let name: String
  let length: Int
  let headerOffset: Int

  init(_ cursor: inout ByteCursor, path: String) throws(ImportError) {
    func malformed(_ message: String) -> ImportError { ImportError(.malformedArchive, path, message) }
    guard try cursor.integer(UInt32.self) == 0x0201_4b50 else {
      throw malformed("has a broken table of contents")
    }
    try cursor.skip(4)
    let flags = try cursor.integer(UInt16.self), method = try cursor.integer(UInt16.self)
    try cursor.skip(8)
    let compressed = try cursor.integer(UInt32.self), plain = try cursor.integer(UInt32.self)
    let nameLength = try cursor.integer(UInt16.self), extraLength = try cursor.integer(UInt16.self)
    let commentLength = try cursor.integer(UInt16.self)
    try cursor.skip(8)
    let offset = try cursor.integer(UInt32.self)
    guard let name = String(validating: try cursor.bytes(Int(nameLength)), as: UTF8.self) else {
      throw malformed("has an entry whose name is not UTF-8")
    }
    guard method == 0, flags & 1 == 0 else {
      throw ImportError(
        .malformedArchive, name.asQuoted, "is compressed or encrypted in \(path); torch.save stores entries as they are"
      )
    }
    let extraEnd = cursor.offset + Int(extraLength)
    var (wideLength, wideCompressed, wideOffset) = (UInt64(plain), UInt64(compressed), UInt64(offset))
    var extra = ByteCursor(cursor.file, cursor.offset..<min(extraEnd, cursor.end))
    while extra.remaining >= 4 {
      let kind = try extra.integer(UInt16.self), size = Int(try extra.integer(UInt16.self))
      guard kind == 1 else {
        try extra.skip(size)
        continue
      }
      var field = ByteCursor(cursor.file, extra.offset..<min(extra.offset + size, extra.end))
      if plain == .max { wideLength = try field.integer(UInt64.self) }
      if compressed == .max { wideCompressed = try field.integer(UInt64.self) }
      if offset == .max { wideOffset = try field.integer(UInt64.self) }
      try extra.skip(size)
    }
    try cursor.skip(Int(extraLength) + Int(commentLength))
    guard wideLength == wideCompressed, let length = Int(exactly: wideLength), let start = Int(exactly: wideOffset)
    else { throw ImportError(.malformedArchive, name.asQuoted, "has impossible sizes in \(path)") }
    self.name = name
    self.length = length
    headerOffset = start
  }
}
