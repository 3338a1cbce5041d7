import ArgumentParser
import Foundation
import PolicyEvaluation
import Reporting

/// `uio2 envs`: the simulators that there are.
struct Envs: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List the simulators, and install those that have packages of their own.",
    discussion: """
      A simulator is what stands before the colon in --env metaworld:push-v3. Most are run by the repository's Python. Those with a list of \
      packages of their own (Envs/environments/NAME.txt) have an environment each, in .venv-envs/NAME, which is made when the \
      simulator is first used, or by --install. Any environment of gymnasium becomes a simulator by a YAML file: \
      Envs/environments/README.md.

        uio2 envs
        uio2 envs --install fetch
        uio2 rollout --env fetch:push --policy my-policy
        uio2 envs --python-path my-descriptions
      """)

  @Option(help: ArgumentHelp("Make this simulator's environment now.", valueName: "name"))
  var install: String?

  @Option(
    help: ArgumentHelp(
      "A folder in which modules and descriptions of simulators are looked for first; may be repeated.",
      valueName: "folder"),
    completion: .directory)
  var pythonPath: [String] = []

  func validate() throws {
    for path in pythonPath where PackageRoot.folder(path, root: nil) == nil {
      throw ValidationError("--python-path: \(path) is no folder.")
    }
  }

  func run() throws {
    let python = try PythonInterpreter(
      explicit: nil, variables: ProcessInfo.processInfo.environment, packageRoot: Locations.packageRoot)
    let catalogue = SimulatorCatalogue(python, pythonPath: pythonPath.map { URL(filePath: $0).path }) {
      Console.complain("uio2: " + $0)
    }
    if let install {
      let found = try catalogue.interpreter(for: install)
      return try Console.say("\(install)  \(found.path)")
    }
    var table = TextTable(header: ["simulator", "tasks", "", ""], alignment: [.left, .right, .left, .left])
    for entry in try catalogue.entries() {
      let tasks = entry.tasks.map { "\($0.count)" } ?? "?"
      let example = entry.tasks?.first.map { "\(entry.name):\($0)" } ?? ""
      table.append([entry.name, tasks, Self.state(of: entry), example])
    }
    try Console.say(table.text)
  }

  private static func state(of entry: SimulatorCatalogue.Entry) -> String {
    if entry.installed { return entry.own ? "installed, in an environment of its own" : "installed" }
    return entry.own && entry.message.isEmpty ? "installed when it is first used" : entry.message
  }
}
