import Foundation

/// The Python that runs the simulated robot.
public struct PythonInterpreter: Sendable, Hashable {
  /// Path of the program.
  public let path: String
  /// Folders of the robot's own modules; empty where they are installed.
  public let modules: [String]

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
    modules = Self.modules(packageRoot: packageRoot)
  }

  private init(path: String, modules: [String]) {
    self.path = path
    self.modules = modules
  }

  /// Another program that runs the same modules.
  func replaced(by path: String) -> PythonInterpreter { PythonInterpreter(path: path, modules: modules) }

  /// Arguments that begin a module of the simulated robots; its own follow.
  ///
  /// Isolated (`-I`): neither the working folder nor `PYTHONPATH` can put a module in the place of an installed one. What the module
  /// starts does not inherit that; see ``environment(of:)``.
  ///
  /// - Parameters:
  ///   - module: `uio2_envs`, or a module in it that can be run.
  ///   - pythonPath: folders that are searched before all others.
  public func launch(module: String = "uio2_envs", pythonPath: [String] = []) -> [String] {
    ["-I", "-u", "-c", Self.program, (pythonPath + modules).joined(separator: "\n"), module]
  }

  /// Variables that isolate a Python which the started one starts in its turn, to find a library for example: none of Python's own that this
  /// process has, no working folder, no packages of the user's.
  ///
  /// - Parameter variables: this process's environment.
  /// - Returns: what to change in it; `nil` removes a variable.
  public static func environment(
    of variables: [String: String] = ProcessInfo.processInfo.environment
  ) -> [String: String?] {
    var changes: [String: String?] = [:]
    for name in variables.keys where name.hasPrefix("PYTHON") { changes.updateValue(nil, forKey: name) }
    changes["PYTHONSAFEPATH"] = "1"
    changes["PYTHONNOUSERSITE"] = "1"
    return changes
  }

  /// Takes its first argument for the folders that are searched first, a line each, and the second for the module to run.
  private static let program =
    "import runpy, sys; sys.path[:0] = sys.argv.pop(1).splitlines(); "
    + "runpy.run_module(sys.argv.pop(1), run_name='__main__', alter_sys=True)"

  /// The robot, the client that it speaks through and the table; an installed copy in the virtual environment is the same one.
  private static func modules(packageRoot: URL?) -> [String] {
    [
      ("Envs", "uio2_envs"), ("Envs/client", "uio2_client"), ("Envs/tabletop", "uio2_tabletop"),
    ].compactMap { folder, module in
      packageRoot.map { $0.appending(path: folder) }.flatMap { folder in
        FileManager.default.fileExists(atPath: folder.appending(path: module).path) ? folder.path : nil
      }
    }
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
