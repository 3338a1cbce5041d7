import Foundation
import PolicyEvaluation

/// Where the repository and its policies are, seen from this process.
enum Locations {
  /// The policy that ships with the repository.
  static let shippedPolicy = "Policies/metaworld-mt5"

  /// The folder of `Package.swift` at or above the executable, else at or above the current directory: whoever stands in another copy
  /// of the repository still runs the simulators of the program's own.
  static var packageRoot: URL? {
    let current = URL(filePath: FileManager.default.currentDirectoryPath)
    let executable = Bundle.main.executableURL?.deletingLastPathComponent()
    return PackageRoot.find(from: (executable.map { [$0] } ?? []) + [current])
  }

  /// A policy's folder: as given, else below the repository.
  static func policy(_ path: String) throws -> URL {
    // The current directory's repository goes before the executable's: a policy is what the user works on.
    let current = URL(filePath: FileManager.default.currentDirectoryPath)
    for root in [PackageRoot.find(from: [current]), packageRoot] {
      if let folder = PackageRoot.folder(path, root: root) { return folder }
    }
    throw CommandFailure(.badData, "\(path): there is no such policy folder, here or in the repository")
  }
}
