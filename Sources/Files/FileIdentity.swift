#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Which file it is, by what neither a new name nor new contents change.
package struct FileIdentity: Sendable, Hashable {
  /// Where a file is that was at a path before.
  package enum Whereabouts: Sendable, Hashable {
    /// Where it was.
    case inPlace
    /// Elsewhere, or nowhere: nothing lies at the path, or another file.
    case gone
    /// The system would not say just now.
    case unknown
  }

  private let device: UInt64
  private let number: UInt64

  init(_ status: stat) {
    device = UInt64(status.st_dev)
    number = UInt64(status.st_ino)
  }

  /// What lies at `path`, a link being a link; `nil` when there is nothing, or nothing that may be seen.
  package init?(at path: String) {
    guard let status = FileStatus.ofLink(path) else { return nil }
    self.init(status)
  }

  /// What a path leads to, links followed; `nil` as for ``init(at:)``.
  package init?(following path: String) {
    guard let status = FileStatus.of(path) else { return nil }
    self.init(status)
  }

  /// What is open as `descriptor`.
  package init?(descriptor: Int32) {
    guard let status = FileStatus.of(descriptor: descriptor) else { return nil }
    self.init(status)
  }

  /// Whether this file still lies at `path`. Needs no descriptor, so that it can be told where none is left.
  package func whereabouts(at path: String) -> Whereabouts {
    if let found = FileIdentity(at: path) { return found == self ? .inPlace : .gone }
    return errno == ENOENT || errno == ENOTDIR ? .gone : .unknown
  }
}
