/// The wordings of tasks with films, sounds and pictures as answers.
extension TaskPrompts {
  public static let videoCaption = TaskPrompts(
    released: "What does the video describe ?",
    own: ["Say in one sentence what happens in this video.", "Which single sentence sums up the video?"])

  public static let videoTagging = TaskPrompts(
    released: "What action is being performed in this video? Please provide a short answer.",
    own: ["Name the activity in the video in a few words.", "In a word or two, what is being done here?"])

  public static let audioCaption = TaskPrompts(
    released: "Give a short description of this audio.",
    own: ["Say in one sentence what is heard in <audio_input> .", "Which single sentence sums up this sound?"])

  public static let depth = TaskPrompts(
    released: "What is the depth map of the image ?",
    own: ["Paint how far away each pixel of <image_input> is, from black for near to white for far."])

  public static let surfaceNormals = TaskPrompts(
    released: "What is the surface normal of the image ?",
    own: ["Paint which way the surface at each pixel of <image_input> faces."])

  public static let segmentation = TaskPrompts(
    released: "Segment the object in this bounding box: {box} {}",
    own: ["In the region {box} of <image_input> paint the {} white and the rest black."])

  /// Where it is not said what the object is.
  public static let segmentationOfBox = TaskPrompts(
    released: "Segment the object in this bounding box: {box}",
    own: ["Paint the main object in {box} of <image_input> white and the rest black."])

  /// What an expression describes; from the release's training, its runner has no such task.
  public static let segmentationOfExpression = TaskPrompts(
    released: "Segment the object referred to by the expression: {}.",
    own: ["Paint this white and the rest of <image_input> black: {}"])

  public static let imageGeneration = TaskPrompts(
    released: "Generate an image matching this text: {}",
    own: ["Paint this: {}", "What would a picture with the caption \"{}\" look like?"])

  /// From the release's training, its runner has no such task.
  public static let imageEditing = TaskPrompts(
    released: "Build a new image based on the input image and these instructions: {}",
    own: ["Change <image_input> as follows. {}", "Paint this picture again, but: {}"])

  /// From the release's training, its runner has no such task.
  public static let inpainting = TaskPrompts(
    released: "Filling the blank region \" {box} {} \" .",
    own: ["The part {box} of <image_input> is missing. Paint it with this in it: {}"])

  /// Where it is not said what shall be in the region.
  public static let inpaintingOfBox = TaskPrompts(
    released: "Filling the blank region \" {box} \" .",
    own: ["The part {box} of <image_input> is missing. Paint it."])

  public static let audioGeneration = TaskPrompts(
    released: "Synthesize the sound based on the description \"{}\"",
    own: ["Let me hear this: {}", "What does \"{}\" sound like?"])
}
