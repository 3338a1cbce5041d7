import Foundation
import PolicyEvaluation
import Testing

/// Which Python runs the robot.
@Suite struct PythonInterpreterTests {
  private func withPackage(_ body: (URL) throws -> Void) throws {
    let root = FileManager.default.temporaryDirectory.appending(path: "uio2-python-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: root) }
    for folder in [".venv/bin", "Envs/uio2_envs", "Envs/client/uio2_client", "Envs/tabletop/uio2_tabletop"] {
      try FileManager.default.createDirectory(at: root.appending(path: folder), withIntermediateDirectories: true)
    }
    try Data().write(to: root.appending(path: "Package.swift"))
    try FileManager.default.createSymbolicLink(
      atPath: root.appending(path: ".venv/bin/python").path, withDestinationPath: "/bin/sh")
    try body(root)
  }

  @Test func theOptionWinsOverTheVariableOverTheVirtualEnvironment() throws {
    try withPackage { root in
      let variables = ["UIO2_PYTHON": "/bin/cat", "PATH": "/nowhere:/bin"]
      func path(_ explicit: String?, _ variables: [String: String]) throws -> String {
        try PythonInterpreter(explicit: explicit, variables: variables, packageRoot: root).path
      }
      let found = [
        try path("/bin/sh", variables), try path("sh", variables), try path(nil, variables),
        try path(nil, ["UIO2_PYTHON": ""]),
      ]
      #expect(found == ["/bin/sh", "/bin/sh", "/bin/cat", root.appending(path: ".venv/bin/python").path])
    }
  }

  @Test func `the repository's modules are found, and nothing else is searched before the installed ones`() throws {
    try withPackage { root in
      let envs = ["Envs", "Envs/client", "Envs/tabletop"].map { root.appending(path: $0).path }
      let found = try PythonInterpreter(explicit: "/bin/sh", variables: ["PYTHONPATH": "/x"], packageRoot: root)
      #expect(found.modules == envs)
      let none = try PythonInterpreter(explicit: "/bin/sh", variables: [:], packageRoot: nil)
      #expect(none.modules.isEmpty)
    }
  }

  @Test func `what Python starts in its turn is isolated too`() throws {
    let python = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../.venv/bin/python").path
    guard FileManager.default.isExecutableFile(atPath: python) else { return }
    try withPackage { root in
      for name in ["ctypes", "sitecustomize"] {
        try Data("raise SystemExit('shadowed')".utf8).write(to: root.appending(path: name + ".py"))
      }
      try Data("import subprocess, sys; sys.exit(subprocess.call([sys.executable, '-c', 'import ctypes']))".utf8)
        .write(to: root.appending(path: "uio2_grandparent.py"))
      let interpreter = try PythonInterpreter(explicit: python, variables: [:], packageRoot: nil)
      let process = Process()
      process.executableURL = URL(filePath: python)
      process.arguments = interpreter.launch(module: "uio2_grandparent", pythonPath: [root.path])
      process.currentDirectoryURL = root
      var variables = ProcessInfo.processInfo.environment
      variables["PYTHONPATH"] = root.path
      for (name, value) in PythonInterpreter.environment(of: variables) { variables[name] = value }
      process.environment = variables
      process.standardError = FileHandle.nullDevice
      try process.run()
      process.waitUntilExit()
      #expect(process.terminationStatus == 0)
    }
  }

  @Test(arguments: ["/no/such/python", "no-such-python", "/tmp"])
  func whatIsNoProgramIsATypedError(name: String) {
    let error = #expect(throws: RolloutError.self) {
      try PythonInterpreter(explicit: name, variables: ["PATH": "/bin"], packageRoot: nil)
    }
    #expect(error?.code == .pythonNotFound)
    #expect(error?.message.contains(name) == true)
  }

  @Test func withoutAnyItSaysHowToMakeOne() {
    let error = #expect(throws: RolloutError.self) {
      try PythonInterpreter(explicit: nil, variables: [:], packageRoot: nil)
    }
    #expect(error?.message.contains("make setup") == true)
  }

  @Test func thePackageRootIsTheNearestAbove() throws {
    try withPackage { root in
      let deep = root.appending(path: "Envs/uio2_envs")
      #expect(PackageRoot.find(from: [deep])?.path == root.resolvingSymlinksInPath().path)
      #expect(PackageRoot.find(from: [URL(filePath: "/"), deep])?.path == root.resolvingSymlinksInPath().path)
      #expect(PackageRoot.find(from: [URL(filePath: "/")]) == nil)
      #expect(PackageRoot.folder("Envs", root: root)?.lastPathComponent == "Envs")
      #expect(PackageRoot.folder("Package.swift", root: root) == nil)
    }
  }
}
