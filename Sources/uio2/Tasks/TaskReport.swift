import Foundation
import UnifiedIO

/// What `generate`, `ask`, `task` and `score` print with `--json`; parts that a task does not have are left out.
struct TaskReport: Encodable {
  struct Answer: Encodable {
    var text: String
    var tokens: [Int32]
    /// `end`, `length`, or `stopped` (`ask`: `cancelled`).
    var finish: String
    var confidence: Double

    init(_ answer: TextAnswer) {
      text = answer.text
      tokens = answer.generation.tokens
      finish = answer.generation.finishReason.rawValue
      confidence = answer.generation.confidence
    }
  }

  struct Object: Encodable {
    /// x1, y1, x2, y2 in pixels.
    var box: [Float]
    var label: String?
    var score: Double
  }

  struct Person: Encodable {
    struct Joint: Encodable {
      var name: String
      var x: Float
      var y: Float
      var visible: Bool
      var score: Double
    }

    var box: [Float]?
    var joints: [Joint]
    var answer: Answer
  }

  struct Option: Encodable {
    var text: String
    var sum: Float
    var average: Float
    var tokens: Int
  }

  struct Group: Encodable {
    var words: String
    var values: [Float]
    var score: Double
  }

  /// A picture or a sound that was written.
  struct Medium: Encodable {
    var file: String
    /// Pixels, of a picture.
    var width: Int?
    var height: Int?
    /// Of a sound.
    var seconds: Double?
    /// Samples a second.
    var rate: Int?
  }

  var task: String
  var answer: Answer?
  var written: Medium?
  var objects: [Object]?
  var persons: [Person]?
  var options: [Option]?
  var best: String?
  var groups: [Group]?
  /// How long each stage took in the daemon, milliseconds.
  var stages: [String: Double]?
  var depth: Depth?
  var normals: Normals?
  var masks: [Mask]?

  init(task: String, answer: TextAnswer? = nil) {
    self.task = task
    self.answer = answer.map(Answer.init)
  }
}

extension TaskReport {
  init(task: String, _ located: LocatedObjects) {
    self.init(task: task, answer: located.answer)
    objects = located.objects.map(Object.init)
  }

  init(task: String, _ poses: [PoseAnswer]) {
    self.init(task: task)
    persons = poses.map { pose in
      Person(
        box: pose.pose?.box.edges,
        joints: pose.pose?.keypoints.map {
          Person.Joint(name: $0.name, x: $0.point.x, y: $0.point.y, visible: $0.isVisible, score: $0.score)
        } ?? [], answer: Answer(pose.answer))
    }
  }

  init(task: String, _ categorization: Categorization) {
    self.init(task: task)
    options = categorization.options.map {
      Option(text: $0.text, sum: $0.loss.sum, average: $0.loss.average, tokens: $0.loss.tokenLosses.count)
    }
    best = categorization.best?.text
  }

  init(task: String, _ action: ActionAnswer) {
    self.init(task: task, answer: action.answer)
    groups = action.groups.map { Group(words: $0.words, values: $0.values, score: $0.score) }
  }
}

extension TaskReport.Object {
  init(_ object: LocatedObject) {
    self.init(box: object.box.edges, label: object.label, score: object.score)
  }
}

extension PixelBox {
  /// x1, y1, x2, y2.
  var edges: [Float] { [minX, minY, maxX, maxY] }
}
