"""Photo to count. The only room that may load TensorFlow, and only where it trains or exports."""
