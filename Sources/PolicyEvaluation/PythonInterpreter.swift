import Foundation

/// The Python that runs the simulated robot.
public struct PythonInterpreter: Sendable, Hashable {
  /// Path of the program.
  public let path: String
  /// Variables that it needs: unbuffered output, and the repository's modules when they were found.
  public let environment: [String: String]

  /// Takes `explicit`, else `$UIO2_PYTHON`, else `.venv/bin/python` beside the package's `Package.swift`.
  ///
  /// - Parameters:
  ///   - explicit: what the user named, if anything.
  ///   - variables: the process's environment.
  ///   - packageRoot: the folder of `Package.swift`, if there is one; see ``PackageRoot``.
  /// - Throws: ``RolloutError`` `.pythonNotFound` saying what was looked for and how to make it.
  public init(explicit: String?, variables: [String: String], packageRoot: URL?) throws(RolloutError) {
    let named = variables["UIO2_PYTHON"].flatMap { $0.isEmpty ? nil : $0 }
    if let explicit {
      path = try Self.executable(explicit, variables: variables, subject: "--python")
    } else if let named {
      path = try Self.executable(named, variables: variables, subject: "UIO2_PYTHON")
    } else {
      let candidate = packageRoot?.appending(path: ".venv/bin/python").path
      guard let candidate, FileManager.default.isExecutableFile(atPath: candidate) else {
        throw RolloutError(
          .pythonNotFound, candidate ?? ".venv/bin/python",
          "there is none; run `make setup` in the repository, or name an interpreter with --python or UIO2_PYTHON")
      }
      path = candidate
    }
    environment = Self.moduleVariables(variables, packageRoot: packageRoot)
  }

  private static func moduleVariables(_ variables: [String: String], packageRoot: URL?) -> [String: String] {
    var result = ["PYTHONUNBUFFERED": "1"]
    // The robot and the client that it speaks through; an installed copy in the virtual environment is the same one.
    let modules = [("Envs", "uio2_envs"), ("Envs/client", "uio2_client")].compactMap { folder, module in
      packageRoot.map { $0.appending(path: folder) }.flatMap { folder in
        FileManager.default.fileExists(atPath: folder.appending(path: module).path) ? folder.path : nil
      }
    }
    if !modules.isEmpty {
      let inherited = variables["PYTHONPATH"].flatMap { $0.isEmpty ? nil : $0 }
      result["PYTHONPATH"] = (modules + (inherited.map { [$0] } ?? [])).joined(separator: ":")
    }
    return result
  }

  /// A path as it is; a bare name as the shell would find it.
  private static func executable(
    _ name: String, variables: [String: String], subject: String
  ) throws(RolloutError) -> String {
    let candidates =
      name.contains("/")
      ? [name] : (variables["PATH"] ?? "").split(separator: ":").map { String($0) + "/" + name }
    for candidate in candidates where FileManager.default.isExecutableFile(atPath: candidate) {
      var isDirectory: ObjCBool = false
      if FileManager.default.fileExists(atPath: candidate, isDirectory: &isDirectory), !isDirectory.boolValue {
        return candidate
      }
    }
    throw RolloutError(.pythonNotFound, subject, "“\(name)” is not a program that can be run")
  }
}
