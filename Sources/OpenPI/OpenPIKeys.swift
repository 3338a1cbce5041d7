/// Which key of an observation is which: openpi leaves the names to each policy.
public struct OpenPIKeys: Sendable, Hashable, Codable {
  /// A camera of ours and the key of its pictures.
  public struct Camera: Sendable, Hashable, Codable {
    /// The name by which the policy knows it.
    public var name: String
    /// The observation's key. Where it is not there as it stands, `a/b` is the key `b` of the map `a`.
    public var key: String

    /// Collects the parts.
    public init(name: String, key: String) {
      self.name = name
      self.key = key
    }
  }

  /// In the policy's order.
  public var cameras: [Camera]
  /// Keys whose numbers, one after the other, are the robot's state; empty for a policy that has none.
  public var state: [String]
  /// The key of the instruction, which a client may leave out.
  public var prompt: String

  /// Collects the parts.
  public init(cameras: [Camera], state: [String] = ["observation/state"], prompt: String = "prompt") {
    self.cameras = cameras
    self.state = state
    self.prompt = prompt
  }

  /// openpi's own naming: the first camera is `observation/image`, the first whose name says wrist `observation/wrist_image`, and others
  /// are `observation/NAME`. A camera that already has one of these names is that one. No two cameras have the same key.
  ///
  /// - Parameter hasState: whether the policy reads proprioception.
  public init(camerasNamed names: [String], hasState: Bool = true) {
    let wrist =
      names.count > 1
      ? names.firstIndex(of: "wrist_image") ?? names.firstIndex { $0.lowercased().contains("wrist") } : nil
    let main = names.firstIndex(of: "image") ?? names.indices.first { $0 != wrist }
    cameras = names.enumerated().map { index, name in
      let key = index == wrist ? "wrist_image" : index == main ? "image" : name
      return Camera(name: name, key: "observation/\(key)")
    }
    state = hasState ? ["observation/state"] : []
    prompt = "prompt"
  }

  /// Every key that an observation must have.
  public var required: [String] { cameras.map(\.key) + state }
}
