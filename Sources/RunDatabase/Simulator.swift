/// What a robot is simulated with, as a worker says when it begins.
public struct Simulator: Sendable, Hashable, Codable {
  /// A Python package that the physics depends on.
  public struct Module: Sendable, Hashable, Codable {
    /// Its name.
    public var name: String
    /// The version that runs; `nil` when the package does not say.
    public var version: String?
    /// The version that `Envs/requirements.txt` asks for; `nil` when it asks for none.
    public var pinned: String?
    /// The file that was imported.
    public var path: String

    /// Creates a module from its parts.
    public init(name: String, version: String?, pinned: String?, path: String) {
      self.name = name
      self.version = version
      self.pinned = pinned
      self.path = path
    }
  }

  /// The adapter's name, e.g. `metaworld`.
  public var name: String
  /// Version of the Python interpreter.
  public var python: String
  /// Folders that were asked for with `--python-path`.
  public var pythonPath: [String]
  /// What draws the pictures; `nil` where nothing is chosen.
  public var renderer: String?
  /// The packages that the physics depends on, and the robot itself.
  public var modules: [Module]

  /// Creates the description from its parts.
  public init(
    name: String, python: String, pythonPath: [String] = [], renderer: String? = nil, modules: [Module] = []
  ) {
    self.name = name
    self.python = python
    self.pythonPath = pythonPath
    self.renderer = renderer
    self.modules = modules
  }

  enum CodingKeys: String, CodingKey {
    case name, python, renderer, modules
    case pythonPath = "python_path"
  }

  /// Says in a sentence in what outcomes follow from two simulators differ; `nil` when they do not. Where a package lies, and which Python
  /// runs it, changes no outcome.
  public func firstDifference(from other: Simulator) -> String? {
    guard name == other.name else { return "expected the simulator \(name), found \(other.name)" }
    guard renderer == other.renderer else {
      return "expected pictures drawn by \(renderer ?? "the default"), found \(other.renderer ?? "the default")"
    }
    let versions = Dictionary(other.modules.map { ($0.name, $0.version) }) { first, _ in first }
    for module in modules where versions[module.name] != .some(module.version) {
      let found = versions[module.name].map { $0 ?? "no version" } ?? "none"
      return "expected \(module.name) \(module.version ?? "without a version"), found \(found)"
    }
    return nil
  }
}

/// What a worker says when it begins.
public struct WorkerRecord: Sendable, Hashable, Codable {
  /// Which worker it is, from 0.
  public var worker: Int
  /// The name of the policy that answers it.
  public var policy: String
  /// Hex SHA-256 over that policy's files; empty for experts.
  public var policyDigest: String
  /// What it simulates with; `nil` when it does not say.
  public var simulator: Simulator?
  /// How the policy's matrices are kept, such as `bf16`; `nil`: not said.
  public var weights: String?
  /// How the inputs of products with 8-bit weights are taken; `nil`: there are none, or it is not said.
  public var activations: String?

  /// Collects the parts.
  public init(
    worker: Int, policy: String, policyDigest: String, simulator: Simulator? = nil, weights: String? = nil,
    activations: String? = nil
  ) {
    self.worker = worker
    self.policy = policy
    self.policyDigest = policyDigest
    self.simulator = simulator
    self.weights = weights
    self.activations = activations
  }
}
