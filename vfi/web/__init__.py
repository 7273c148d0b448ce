"""A page in the browser: more frames for a video, the pictures between two pictures, and the flow between them."""
