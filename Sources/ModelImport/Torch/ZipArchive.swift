import Tensors

/// The table of contents of a zip archive as torch.save writes one: entries stored as they are, zip64 where sizes need it.
///
/// Everything that could make two readers see different files is refused: compressed or encrypted entries, names that occur twice or
/// leave the folder, entries that overlap, local headers that disagree with the directory.
struct ZipArchive {
  /// Where an entry's bytes lie.
  struct Entry: Hashable, Sendable {
    var offset: Int
    var length: Int
    var range: Range<Int> { offset..<offset + length }
  }

  private(set) var entries: [String: Entry] = [:]
  let path: String

  /// A model of the release has about two thousand.
  static let maximumEntries = 200_000

  /// Whether the file begins like a zip archive.
  static func matches(_ file: FileBytes) -> Bool {
    var cursor = ByteCursor(file, 0..<file.count)
    return (try? cursor.integer(UInt32.self)) == 0x0403_4b50
  }

  /// - Throws: ``ImportError`` `.malformedArchive` or `.truncatedFile`.
  init(_ file: FileBytes) throws(ImportError) {
    path = file.path
    let directory = try ZipDirectory(file)
    var cursor = ByteCursor(file, directory.range)
    var covered: [(range: Range<Int>, name: String)] = []
    for _ in 0..<directory.count {
      let record = try ZipRecord(&cursor, path: path)
      try Self.check(record.name, path)
      // Folders have no bytes and no meaning here.
      if record.name.hasSuffix("/"), record.length == 0 { continue }
      let dataStart = try Self.dataStart(of: record, in: file, before: directory.range.lowerBound)
      let entry = Entry(offset: dataStart, length: record.length)
      guard entries.updateValue(entry, forKey: record.name) == nil else {
        throw ImportError(.malformedArchive, record.name.asQuoted, "is in \(path) twice")
      }
      covered.append((record.headerOffset..<dataStart + record.length, record.name))
    }
    covered.sort { ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound) }
    for (before, after) in zip(covered, covered.dropFirst()) where after.range.lowerBound < before.range.upperBound {
      throw ImportError(
        .malformedArchive, after.name.asQuoted, "overlaps \(before.name.asQuoted) in \(path)")
    }
  }

  private static func check(_ name: String, _ path: String) throws(ImportError) {
    let words = name.split(separator: "/", omittingEmptySubsequences: false)
    guard !name.isEmpty, !name.hasPrefix("/"), !name.contains("\\"), !words.contains(".."),
      name.unicodeScalars.allSatisfy({ $0.value >= 32 })
    else {
      throw ImportError(
        .malformedArchive, name.asQuoted, "is no name that torch.save gives an entry; \(path) is refused")
    }
  }

  /// Reads the local header, which must say what the directory says, and returns where the bytes begin.
  private static func dataStart(
    of record: ZipRecord, in file: FileBytes, before limit: Int
  ) throws(ImportError) -> Int {
    func malformed(_ message: String) -> ImportError {
      ImportError(.malformedArchive, record.name.asQuoted, "\(message) in \(file.path)")
    }
    guard record.headerOffset <= limit else { throw malformed("begins behind the directory") }
    var cursor = ByteCursor(file, record.headerOffset..<limit)
    guard try cursor.integer(UInt32.self) == 0x0403_4b50 else { throw malformed("has no local header") }
    try cursor.skip(4)
    guard try cursor.integer(UInt16.self) == 0 else {
      throw malformed("is stored in its directory and compressed in its header")
    }
    try cursor.skip(8)
    let length = try cursor.integer(UInt32.self)
    try cursor.skip(4)
    let nameLength = Int(try cursor.integer(UInt16.self)), extraLength = Int(try cursor.integer(UInt16.self))
    // Zero: the length follows the data; all ones: it is in the zip64 field.
    guard length == 0 || length == .max || Int(length) == record.length else {
      throw malformed("has \(record.length) bytes in the directory and \(length) in its header")
    }
    guard try cursor.bytes(nameLength) == Array(record.name.utf8) else {
      throw malformed("has another name in its local header")
    }
    try cursor.skip(extraLength)
    guard record.length <= cursor.remaining else {
      throw ImportError(
        .truncatedFile, record.name.asQuoted, "has \(record.length) bytes; \(cursor.remaining) are left in \(file.path)"
      )
    }
    return cursor.offset
  }
}
