"""IMDB's film reviews, from Keras's file or Stanford's archive."""
