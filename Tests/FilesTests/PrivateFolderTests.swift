import Files
import Foundation
import TestSupport
import Testing

/// Temporary folders and their ends.
@Suite struct PrivateFolderTests {
  private func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

  @Test func `only this user may enter, and letting go removes it`() throws {
    try withTemporaryFolder { parent in
      var folder: PrivateFolder? = try PrivateFolder(prefix: "t", in: parent.path, longestParent: 200)
      let path = try #require(folder?.path)
      let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? NSNumber
      #expect(mode?.intValue == 0o700)
      #expect(path.hasPrefix(parent.path + "/t-"))
      folder = nil
      #expect(!exists(path))
    }
  }

  @Test func `folders of the dead are removed, those of the living and of others are not`() throws {
    try withTemporaryFolder { parent in
      let living = try PrivateFolder(prefix: "t", in: parent.path, longestParent: 200)
      let dead = parent.path + "/t-abcdef", foreign = parent.path + "/t-ghijkl"
      for path in [dead, foreign] {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        chmod(path, 0o700)
      }
      // Its owner held the lock until it was killed.
      for name in ["lock", "uio2.sock"] { try Data().write(to: URL(filePath: dead + "/" + name)) }
      let next = try PrivateFolder(prefix: "t", in: parent.path, longestParent: 200)
      #expect(!exists(dead))
      #expect(exists(living.path) && exists(next.path) && exists(foreign))
      withExtendedLifetime((living, next)) {}
    }
  }

  @Test func `where the parent's path is too long for a socket, the folder is in tmp`() throws {
    let folder = try PrivateFolder(prefix: "uio2-test", in: "/" + String(repeating: "x", count: 80))
    #expect(folder.path.hasPrefix("/tmp/uio2-test-"))
  }
}
