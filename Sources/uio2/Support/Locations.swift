import Foundation
import PolicyEvaluation

/// Where the repository and its policies are, seen from this process.
enum Locations {
  /// The policy that ships with the repository.
  static let shippedPolicy = "Policies/metaworld-mt5"

  /// The folder of `Package.swift` at or above the current directory, else at or above the executable.
  static var packageRoot: URL? {
    let current = URL(filePath: FileManager.default.currentDirectoryPath)
    let executable = Bundle.main.executableURL?.deletingLastPathComponent()
    return PackageRoot.find(from: [current] + (executable.map { [$0] } ?? []))
  }

  /// A policy's folder: as given, else below the repository.
  static func policy(_ path: String) throws -> URL {
    // The repository above the executable is tried too, when the current directory lies in another one.
    let executable = Bundle.main.executableURL?.deletingLastPathComponent()
    for root in [packageRoot, executable.flatMap { PackageRoot.find(from: [$0]) }] {
      if let folder = PackageRoot.folder(path, root: root) { return folder }
    }
    throw CommandFailure(.badData, "\(path): there is no such policy folder, here or in the repository")
  }
}
