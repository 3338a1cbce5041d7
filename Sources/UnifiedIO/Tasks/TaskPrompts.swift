/// How a task is put into words.
///
/// `{}` stands for what the task is about (a question, an expression, a category), `{box}` for the location tokens of a box.
public struct TaskPrompts: Sendable, Hashable {
  /// The wording that the released runner evaluates with, or the release's first one for a task that its runner does not have: what
  /// trained weights know best.
  public let released: String
  /// Wordings of our own with the same meaning.
  public let own: [String]

  /// - Parameters:
  ///   - released: the first wording of the release for this task.
  ///   - own: others.
  public init(released: String, own: [String]) {
    self.released = released
    self.own = own
  }

  /// All wordings; the released one is number 0.
  public var all: [String] { [released] + own }

  /// One wording with `subject` in the place of `{}`.
  ///
  /// - Parameters:
  ///   - number: 0 for the released wording, from 1 for our own.
  ///   - subject: what the task is about; taken literally.
  /// - Throws: ``ModelError`` `.invalidInput` when there is no such wording.
  public func text(_ number: Int, about subject: String = "") throws(ModelError) -> String {
    guard all.indices.contains(number) else {
      throw ModelError(.invalidInput, "wording", "there are wordings 0 to \(own.count), found \(number)")
    }
    let parts = all[number].unicodeScalars.split(separator: "{}".unicodeScalars, omittingEmptySubsequences: false)
    return parts.map { String($0) }.joined(separator: subject)
  }

  public static let vqa = TaskPrompts(
    released: "{} A short answer to the question is",
    own: ["Use the picture to answer in one or two words. {}", "{} Reply with as few words as you can:"])

  public static let caption = TaskPrompts(
    released: "Caption this image.",
    own: ["Say in one sentence what <image_input> shows.", "Which single sentence sums up this picture?"])

  public static let refexp = TaskPrompts(
    released: "Which region does the text \"{}\" describe?",
    own: ["Give the bounding box of {} in <image_input>.", "Where in this picture is the following? {}"])

  public static let localization = TaskPrompts(
    released: "Return the bounding boxes and categories of region matching \"{}\"",
    own: ["Where is every {} in <image_input>? Give boxes and categories.", "Box each {} and name its category."])

  /// Asks for the boxes alone: shorter answers, but not what the release evaluates with.
  public static let localizationWithoutCategory = TaskPrompts(
    released: "Which regions does the text \"{}\" describe?",
    own: ["Where is every {} in <image_input>?", "Box each {}."])

  public static let detection = TaskPrompts(
    released: "List all objects and their locations in the image",
    own: ["Name everything in <image_input> and give its bounding box.", "Which objects are there, and where?"])

  /// For the categories of COCO alone.
  public static let detectionOfCOCO = TaskPrompts(
    released: "Find the COCO objects.",
    own: ["Give the bounding box and the category of each COCO object in <image_input>."])

  public static let keypoints = TaskPrompts(
    released: "Find the visible human joints in the region \" {box} \".",
    own: ["Where are the joints of the person in {box} ?", "Give the keypoints of the body that is seen in {box} ."])

  public static let boxClassification = TaskPrompts(
    released: "What is the category of the object at {box}?",
    own: [
      "In a word or two, what is in {box} ?", "Give the category of what lies in the region {box} of <image_input>.",
    ])

  public static let categorization = TaskPrompts(
    released: "What is this? Return a precise but very short answer.",
    own: [
      "Name the main thing in <image_input> as exactly as you can, in a few words.",
      "Which category is this? Be brief.",
    ])
}
