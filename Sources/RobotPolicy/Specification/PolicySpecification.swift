/// What a policy sees, says and is allowed to do: the contents of a bundle's `policy.json`.
///
/// Every value that exists has passed all the rules of the format, wherever it was decoded from; the format is written down in
/// `Policies/policy.schema.json`.
public struct PolicySpecification: Codable, Sendable, Hashable {
  /// The one version of the format.
  public static let formatVersion = 1

  /// Where the format is described, for editors; nothing reads it.
  public let schema: String?
  /// ``formatVersion``.
  public let version: Int
  /// A short name, also that of the robot's capabilities.
  public let name: String
  /// A sentence for people.
  public let description: String?
  /// The folder of the model's `config.json` and weights, relative to the bundle.
  public let model: String
  /// The SentencePiece model file, relative to the bundle.
  public let tokenizer: String
  /// How instruction and state become text.
  public let prompt: Prompt
  /// Which sentences the policy may be given.
  public let instructions: Instructions
  /// One `image` camera and any number of `image_history` cameras, in the order in which the model sees them.
  public let cameras: [Camera]
  /// What the policy hears; `nil`: nothing.
  public let audio: Audio?
  /// What the robot measures of itself, in the order of the state text.
  public let proprioception: [Quantity]
  /// What the model's answer means.
  @ErasedActionSpace package private(set) var actionSpace: any ActionSpace
  /// Rates and deadlines.
  public let control: Control
  /// Bounds on what the robot may be told.
  public let limits: Limits

  /// How instruction and state become text.
  public struct Prompt: Encodable, Sendable, Hashable {
    /// Text with `{instruction}` once and `{state}` at most once.
    public let template: String

    package enum CodingKeys: String, CodingKey, CaseIterable { case template }
  }

  package enum CodingKeys: String, CodingKey, CaseIterable {
    case schema = "$schema"
    case version = "format_version"
    case name, description, model, tokenizer, prompt, instructions, cameras, audio, proprioception
    case actionSpace = "action_space"
    case control, limits
  }
}

// MARK: Decoding

extension PolicySpecification {
  /// Reads the text of a `policy.json`.
  ///
  /// - Parameter text: UTF-8 JSON.
  /// - Throws: ``PolicyError`` whose subject is the key path and the line at fault.
  public init(json text: [UInt8]) throws(PolicyError) {
    try self.init(JSONParser.parse(text, name: "policy.json"))
  }

  /// From any decoder, under the same rules; errors name the key path but no line.
  ///
  /// - Throws: ``PolicyError``, or the decoder's own error.
  public init(from decoder: any Decoder) throws {
    try self.init(try JSONNode(from: decoder))
  }

  package init(_ root: JSONNode) throws(PolicyError) {
    let object = try JSONField(root, path: "").object(CodingKeys.self)
    version = try object.required(.version).integer(in: Self.formatVersion...Self.formatVersion)
    schema = try object.optional(.schema)?.string(maximumLength: 1_000)
    name = try object.required(.name).string()
    description = try object.optional(.description)?.string(maximumLength: 1_000)
    model = try object.required(.model).string(maximumLength: 1_000)
    tokenizer = try object.required(.tokenizer).string(maximumLength: 1_000)
    prompt = try Prompt(object.required(.prompt))
    guard let sentences = object.optional(.instructions) else {
      throw JSONField.fault(
        .missingKey, path: CodingKeys.instructions.rawValue, line: root.line,
        "expected this key: the sentences that the policy was trained on, or \"free\" when it takes any")
    }
    instructions = try Instructions(sentences)
    var cameras: [Camera] = []
    for field in try object.required(.cameras).elements() { cameras.append(try Camera(field)) }
    self.cameras = cameras
    audio = try object.optional(.audio).map { (field) throws(PolicyError) in try Audio(field) }
    var proprioception: [Quantity] = []
    for field in try object.required(.proprioception).elements() { proprioception.append(try Quantity(field)) }
    self.proprioception = proprioception
    actionSpace = try ActionSpaceRegistry.space(from: object.required(.actionSpace))
    control = try Control(object.required(.control))
    limits = try object.optional(.limits).map { (field) throws(PolicyError) in try Limits(field) } ?? Limits()
    if let fault = inconsistency() {
      throw JSONField.fault(.invalidValue, path: fault.path, line: root.line(at: fault.path), fault.message)
    }
  }
}

extension PolicySpecification.Prompt {
  init(_ field: JSONField) throws(PolicyError) {
    let object = try field.object(CodingKeys.self)
    let template = try object.required(.template)
    self.template = try template.string(maximumLength: 2_000)
    do {
      _ = try PromptTemplate(self.template)
    } catch {
      throw template.fault(error.message, code: error.code)
    }
  }
}
