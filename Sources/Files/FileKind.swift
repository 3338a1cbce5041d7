#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// What lies at a path.
enum FileKind: Hashable {
  case regular, folder, pipe, characterDevice, blockDevice, socket, link, unknown

  /// The kind that the mode of a `stat` structure names.
  init(mode: mode_t) {
    switch mode & S_IFMT {
    case S_IFREG: self = .regular
    case S_IFDIR: self = .folder
    case S_IFIFO: self = .pipe
    case S_IFCHR: self = .characterDevice
    case S_IFBLK: self = .blockDevice
    case S_IFSOCK: self = .socket
    case S_IFLNK: self = .link
    default: self = .unknown
    }
  }

  /// The kind as an error names it.
  var words: String {
    switch self {
    case .regular: "a regular file"
    case .folder: "a folder"
    case .pipe: "a pipe"
    case .characterDevice: "a device"
    case .blockDevice: "a disk"
    case .socket: "a socket"
    case .link: "a link"
    case .unknown: "something of an unknown kind"
    }
  }
}

/// System calls on paths, with the call's own result as a value.
enum FileStatus {
  /// What `path` is, links followed; `nil` when there is nothing, or nothing that may be seen.
  static func of(_ path: String) -> stat? {
    var status = stat()
    return stat(path, &status) == 0 ? status : nil
  }

  /// What `path` is, a link being a link.
  static func ofLink(_ path: String) -> stat? {
    var status = stat()
    return lstat(path, &status) == 0 ? status : nil
  }

  /// What is open as `descriptor`.
  static func of(descriptor: Int32) -> stat? {
    var status = stat()
    return fstat(descriptor, &status) == 0 ? status : nil
  }
}

extension String {
  /// The path of the folder that a path's last part lies in.
  var parentPath: String {
    guard let slash = lastIndex(of: "/") else { return "." }
    return slash == startIndex ? "/" : String(self[..<slash])
  }

  /// The last part of a path.
  var lastPathPart: String { lastIndex(of: "/").map { String(self[index(after: $0)...]) } ?? self }
}
