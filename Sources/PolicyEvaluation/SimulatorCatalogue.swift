import Foundation
import Processes

/// Which simulators there are, and the Python that runs each: what `uio2_envs.simulators` says.
public struct SimulatorCatalogue: Sendable {
  /// One simulator.
  public struct Entry: Sendable, Hashable, Decodable {
    /// Its name, as in `NAME:TASK`.
    public var name: String
    /// Its tasks; `nil` where they are not known before it is installed.
    public var tasks: [String]?
    /// Whether it has a Python environment of its own.
    public var own: Bool
    /// Whether all that it needs is there.
    public var installed: Bool
    /// Why it is not, where it has no environment of its own or needs what cannot be installed; else empty.
    public var message: String
  }

  private struct Interpreter: Decodable {
    var python: String
  }

  private let python: PythonInterpreter
  private let pythonPath: [String]
  private let onWords: @Sendable (String) -> Void

  /// - Parameters:
  ///   - python: the repository's, which makes the other environments.
  ///   - pythonPath: full paths of folders with modules and descriptions of simulators.
  ///   - onWords: is told what is being installed, a line at a time.
  public init(
    _ python: PythonInterpreter, pythonPath: [String] = [], onWords: @escaping @Sendable (String) -> Void = { _ in }
  ) {
    self.python = python
    self.pythonPath = pythonPath
    self.onWords = onWords
  }

  /// All simulators, in the order in which they are found.
  ///
  /// - Throws: ``RolloutError``: Python cannot be started, or does not answer.
  public func entries() throws(RolloutError) -> [Entry] {
    try answers(to: ["--list"])
  }

  /// The Python that runs a simulator, whose environment is made where it is not there yet.
  ///
  /// - Throws: ``RolloutError`` `.invalidPlan` for a simulator that there is not, `.environmentFailure` with the reason when it cannot be
  ///   installed.
  public func interpreter(for simulator: String) throws(RolloutError) -> PythonInterpreter {
    let found: [Interpreter] = try answers(to: ["--interpreter", simulator])
    guard let path = found.first?.python else {
      throw RolloutError(.environmentFailure, simulator, "its Python environment could not be found")
    }
    return python.replaced(by: path)
  }

  private func answers<Answer: Decodable>(to question: [String]) throws(RolloutError) -> [Answer] {
    var arguments = python.launch(module: "uio2_envs.simulators", pythonPath: pythonPath) + question
    for folder in pythonPath { arguments += ["--python-path", folder] }
    let child: ChildProcess
    do throws(ChildProcessError) {
      child = try ChildProcess(
        .init(
          executable: python.path, arguments: arguments, environment: PythonInterpreter.environment(),
          lifeline: .kernel))
    } catch {
      throw RolloutError(error, as: .cannotStart)
    }
    var output = LineSplitter(), words = LineSplitter(), lines: [[UInt8]] = [], last = ""
    func tell(_ line: [UInt8]) {
      last = String(decoding: line, as: UTF8.self)
      onWords(last)
    }
    while true {
      switch child.next(within: .seconds(1)) {
      case .output(let bytes)?: lines += try output.append(bytes)
      case .diagnostics(let bytes)?: for line in (try? words.append(bytes)) ?? [] { tell(line) }
      case .ended(let exit)?:
        if let line = words.finish() { tell(line) }
        if let line = output.finish() { lines.append(line) }
        guard exit == .code(0) else { throw Self.failure(exit, last) }
        return try lines.map { line throws(RolloutError) in
          do { return try JSONDecoder().decode(Answer.self, from: Data(line)) } catch {
            throw RolloutError(
              .malformedEvent, "uio2_envs.simulators", "said \(String(decoding: line.prefix(160), as: UTF8.self))")
          }
        }
      case nil: continue
      }
    }
  }

  /// `code: subject: message`, as the robots' failures are written.
  private static func failure(_ exit: ChildProcess.Exit, _ words: String) -> RolloutError {
    let parts = words.split(separator: ":", maxSplits: 2).map { $0.trimmingCharacters(in: .whitespaces) }
    guard exit == .code(5), parts.count == 3 else {
      return RolloutError(.environmentFailure, "uio2_envs.simulators", "\(exit): \(words)")
    }
    return RolloutError(parts[0] == "unknown_environment" ? .invalidPlan : .environmentFailure, parts[1], parts[2])
  }
}
