# Lab 2: sentiment of film reviews, LSTM; written for Keras 1
from __future__ import print_function
import numpy as np

np.random.seed(42)
from keras.preprocessing import sequence
from keras.models import Sequential
from keras.layers import Dense, Activation, Embedding
from keras.layers import LSTM, SpatialDropout1D
from keras.datasets import imdb

max_features = 5000
maxlen = 80

(X_train, y_train), (X_test, y_test) = imdb.load_data(nb_words=max_features)

# Shorten or fill up the reviews
X_train = sequence.pad_sequences(X_train, maxlen=maxlen)
X_test = sequence.pad_sequences(X_test, maxlen=maxlen)

model = Sequential()
# words as vectors
model.add(Embedding(max_features, 32, dropout=0.2))
# long short-term memory
model.add(LSTM(100, dropout_W=0.2, dropout_U=0.2))
model.add(Dense(1, activation="sigmoid"))

model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])

model.fit(X_train, y_train, batch_size=64, nb_epoch=7, validation_data=(X_test, y_test), verbose=1)

scores = model.evaluate(X_test, y_test, batch_size=64)
print("Accuracy on test data: %.2f%%" % (scores[1] * 100))
