import Foundation
import Tensors
import TestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#endif

@Suite("Files are read, never mapped") struct FileBytesTests {
  private func withFile(_ bytes: [UInt8], _ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "uio2-bytes-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appending(path: "file").path
    try Data(bytes).write(to: URL(filePath: path))
    try body(path)
  }

  private func random(_ count: Int) -> [UInt8] {
    var generator = SeededGenerator(seed: 5)
    return (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
  }

  /// Writes over a file without making a new one, as `cp` and `rsync --inplace` do.
  private func overwrite(_ path: String, at offset: UInt64, with bytes: [UInt8]) throws {
    let handle = try FileHandle(forWritingTo: URL(filePath: path))
    try handle.seek(toOffset: offset)
    try handle.write(contentsOf: Data(bytes))
    try handle.close()
  }

  private func code(_ body: () throws -> Void) -> TensorError.Code? {
    do {
      try body()
      return nil
    } catch {
      return (error as? TensorError)?.code
    }
  }

  @Test(arguments: [0, 1, 1000, (1 << 18) - 1, 1 << 18, 700_001]) func `bytes arrive whole and in order`(
    count: Int
  ) throws {
    let bytes = random(count)
    try withFile(bytes) { path in
      let open = try FileBytes(path: path)
      #expect(open.count == count && !open.isLoaded)
      #expect(try open.bytes() == bytes)
      #expect(try open.bytes(count / 3..<count / 2) == Array(bytes[count / 3..<count / 2]))
      var seen: [UInt8] = []
      let loaded = try FileBytes(loading: path) { seen += $0 }
      #expect(loaded.isLoaded && seen == bytes)
      #expect(loaded.withLoaded { Array($0) } == bytes)
      for file in [open, loaded] {
        var pieces: [UInt8] = []
        try file.forEachPiece(of: count / 4..<count, pieceSize: 1000) {
          #expect($0.count <= 1000)
          pieces += $0
        }
        #expect(pieces == Array(bytes[(count / 4)...]))
        #expect(code { _ = try file.bytes(0..<count + 1) } == .truncatedFile)
      }
    }
  }

  @Test func `a file that is cut short underneath is an error, and what was read stays`() throws {
    let bytes = random(300_000)
    try withFile(bytes) { path in
      let open = try FileBytes(path: path), loaded = try FileBytes(loading: path)
      truncate(path, 1000)
      #expect(try open.bytes(0..<1000) == Array(bytes[..<1000]))
      #expect(code { _ = try open.bytes() } == .truncatedFile)
      #expect(code { try open.checkUnchanged() } == .changedFile)
      #expect(try loaded.bytes() == bytes)
      try loaded.checkUnchanged()
    }
  }

  @Test func `a writer that sets the file's time back is noticed`() throws {
    try withFile(random(10_000)) { path in
      var before = stat()
      #expect(stat(path, &before) == 0)
      let open = try FileBytes(path: path)
      try overwrite(path, at: 100, with: [1, 2, 3])
      let times = [before.st_atim, before.st_mtim]
      #expect(utimensat(AT_FDCWD, path, times, 0) == 0)
      #expect(code { try open.checkUnchanged() } == .changedFile)
    }
  }

  @Test func `a file that is written over is noticed, and what was read stays`() throws {
    let bytes = random(5000)
    try withFile(bytes) { path in
      // A moment that no file system's clock takes for this one.
      try FileManager.default.setAttributes([.modificationDate: Date(timeIntervalSince1970: 1)], ofItemAtPath: path)
      let open = try FileBytes(path: path), loaded = try FileBytes(loading: path)
      try open.checkUnchanged()
      try overwrite(path, at: 100, with: [1, 2, 3])
      #expect(code { try open.checkUnchanged() } == .changedFile)
      #expect(try loaded.bytes() == bytes)
    }
  }

  @Test func `what is no regular file is refused and waited for by nobody`() throws {
    try withFile([]) { path in
      let fifo = path + ".fifo"
      #expect(mkfifo(fifo, 0o600) == 0)
      for path in [fifo, "/dev/null", "/tmp", path + ".absent"] {
        #expect(code { _ = try FileBytes(path: path) } == .unreadableFile)
        #expect(code { _ = try FileBytes(loading: path) } == .unreadableFile)
      }
    }
  }

  @Test func `a file that is larger than expected is not read`() throws {
    try withFile([1, 2, 3]) { path in
      #expect(code { _ = try FileBytes(loading: path, maximumCount: 2) } == .unreadableFile)
      let whole = try FileBytes(loading: path, maximumCount: 3)
      #expect(whole.count == 3)
    }
  }

  @Test func `memory that is not there is refused with both figures`() throws {
    let available = try #require(SystemMemory.available)
    #expect(available > 0)
    try SystemMemory.require(0, for: "nothing")
    let error = #expect(throws: TensorError.self) { try SystemMemory.require(1 << 60, for: "a model") }
    #expect(error?.code == .outOfMemory && error?.subject == "a model")
    #expect(error?.message.contains("1152921504.7 GB") == true, "\(error?.message ?? "")")
    // A sparse file takes no room on the disk and would take all of the memory.
    try withFile([]) { path in
      truncate(path, 1 << 43)
      #expect(code { _ = try FileBytes(loading: path) } == .outOfMemory)
    }
  }
}
