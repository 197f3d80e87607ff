select {{ 'id' | shout }}
