import Files
import Foundation
import TestSupport
import Testing

/// Temporary files of a process that a signal ends.
@Suite struct UnfinishedFilesTests {
  @Test func `what is being made while the process ends goes with it`() throws {
    let parent = try PrivateFolder(prefix: "uio2-unfinished")
    let path = parent.path + "/draft"
    let list = UnfinishedList(), group = DispatchGroup()
    _ = list.make { listing in
      let begun = DispatchSemaphore(value: 0)
      DispatchQueue.global().async(group: group) {
        begun.signal()
        list.removeAll()
      }
      begun.wait()
      _ = FileManager.default.createFile(atPath: path, contents: nil)
      listing.insert(path)
    }
    group.wait()
    #expect(!FileManager.default.fileExists(atPath: path))
    #expect(list.make { _ in true } == nil, "nothing is made after the end")
  }

  @Test func `what another process has put in its place stays`() throws {
    let parent = try PrivateFolder(prefix: "uio2-unfinished")
    let path = parent.path + "/draft", list = UnfinishedList()
    _ = list.make { listing in
      _ = FileManager.default.createFile(atPath: path, contents: nil)
      listing.insert(path)
    }
    // Keeps the number of the first file taken.
    try FileManager.default.moveItem(atPath: path, toPath: path + ".old")
    _ = FileManager.default.createFile(atPath: path, contents: nil)
    list.removeAll()
    #expect(FileManager.default.fileExists(atPath: path))
  }
}
